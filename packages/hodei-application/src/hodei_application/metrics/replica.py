"""The instruments of a replica, all in one place: the page of the documentation is made from these."""
# ruff: noqa: RUF009  (each of them is an attrs field, made once on purpose)

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field, fields

from hodei_application.metrics.instruments import LONG, MANY, Counter, Gauge, Histogram, Instrument


def _counter(name: str, help: str, *labels: str) -> Counter:
    return field(factory=lambda: Counter(name=name, help=help, labels=labels))


def _histogram(name: str, help: str, *labels: str, **options: tuple[float, ...]) -> Histogram:
    return field(factory=lambda: Histogram(name=name, help=help, labels=labels, **options))


def _gauge(name: str, help: str, *labels: str) -> Gauge:
    return field(factory=lambda: Gauge(name=name, help=help, labels=labels))


@define(eq=False, kw_only=True)
class Instruments:
    """What this replica counts. Numbers of the whole database say so; the others are this replica's own."""

    jobs_submitted: Counter = _counter(
        "hodei_jobs_submitted_total", "Jobs that this replica put into the queue."
    )
    jobs_ended: Counter = _counter(
        "hodei_jobs_ended_total", "Jobs whose end this replica recorded, by the end.", "state"
    )
    attempts_ended: Counter = _counter(
        "hodei_attempts_ended_total",
        "Attempts whose end this replica recorded, by the reason.",
        "provider",
        "reason",
    )
    attempts_retried: Counter = _counter(
        "hodei_attempts_retried_total", "Attempts after which the job went back to the queue.", "provider"
    )
    leases_lost: Counter = _counter(
        "hodei_leases_lost_total", "Attempts whose lease ran out because their worker was not heard any more."
    )
    queue_seconds: Histogram = _histogram(
        "hodei_job_queue_seconds", "From the queue to a worker, for each attempt.", "provider"
    )
    start_seconds: Histogram = _histogram(
        "hodei_job_start_seconds", "From the worker to the start of the process.", "provider"
    )
    run_seconds: Histogram = _histogram(
        "hodei_job_run_seconds",
        "From the start of the process to its end, by what became of the job.",
        "provider",
        "state",
        bounds=LONG,
    )
    provisioning_seconds: Histogram = _histogram(
        "hodei_provisioning_seconds",
        "From the decision to make a worker to its first connection.",
        "provider",
        bounds=LONG,
    )
    log_bytes: Counter = _counter("hodei_log_bytes_total", "Bytes of output that this replica stored.")
    log_chunks: Counter = _counter("hodei_log_chunks_total", "Batches of output that this replica stored.")
    log_lines: Counter = _counter("hodei_log_lines_total", "Lines of output that this replica stored.")
    batch_size: Histogram = _histogram(
        "hodei_commit_batch_size",
        "Items that were committed in one transaction, by what they are.",
        "kind",
        bounds=MANY,
    )
    loop_errors: Counter = _counter(
        "hodei_loop_errors_total", "Rounds of a loop that failed; it goes on after a pause.", "loop"
    )
    metrics_dropped: Counter = _counter(
        "hodei_metrics_dropped_total",
        "Tallies and samples that were thrown away because the database was slow or away.",
    )
    jobs: Gauge = _gauge("hodei_jobs", "Jobs that are not over, by state; of the whole database.", "state")
    queue_jobs: Gauge = _gauge(
        "hodei_queue_jobs",
        "Jobs that wait and are due, by class, counted to 1000 each; of the whole database.",
        "class",
    )
    queue_oldest_seconds: Gauge = _gauge(
        "hodei_queue_oldest_seconds",
        "For how long the oldest of the jobs that wait and are due has waited; of the whole database.",
        "class",
    )
    workers_connected: Gauge = _gauge(
        "hodei_workers_connected", "Workers whose streams this replica holds, by state.", "state"
    )
    leader: Gauge = _gauge("hodei_leader", "1 where this replica leads: it makes and destroys workers.")
    database_connections: Gauge = _gauge(
        "hodei_database_connections",
        "Connections of this replica's pool, by whether they are in use.",
        "state",
    )
    database_waiting: Gauge = _gauge(
        "hodei_database_waiting", "Transactions of this replica that wait for a connection."
    )
    notify_seconds: Gauge = _gauge(
        "hodei_notify_round_trip_seconds",
        "How long the last hint took through the database back to this replica; none with the embedded one.",
    )
    database_up: Gauge = _gauge("hodei_database_up", "1 while the database answers this replica.")

    def __iter__(self) -> Iterator[Instrument]:
        return (getattr(self, each.name) for each in fields(Instruments))
