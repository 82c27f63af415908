"""`hodei top`: workers and jobs with what they use, live."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from hodei_cli.exits import Exit
from hodei_cli.groups import command
from hodei_cli.options import current
from hodei_cli.parse import DURATION
from hodei_cli.render import show_next
from hodei_cli.tables import Column, span, table, text_of
from hodei_cli.terminal import paint

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import JobMetrics, WorkerView

    from hodei_cli.samples import Samples
    from hodei_cli.session import Session

WORKERS = [
    Column("id", "WORKER"),
    Column("state", "STATE"),
    Column("provider", "PROVIDER", elastic=True, rank=5),
    Column("cpu", "CPU"),
    Column("memory", "MEMORY"),
    Column("disk", "DISK", rank=3),
    Column("network", "NET", rank=4),
    Column("took", "FOR", rank=1),
    Column("job", "JOB"),
    Column("job_name", "NAME", elastic=True, rank=2),
]
MOST_WORKERS, MOST_NAMES = 1000, 200
SHORTEST = timedelta(milliseconds=500)


class View(NamedTuple):
    """What is known at a time."""

    at: datetime
    metrics: JobMetrics
    workers: Sequence[Mapping[str, Any]]


@command()
@click.option(
    "--every", type=DURATION, default="2s", metavar="DURATION", help="How often to look, 500ms at least. [2s]"
)
@click.option("--once", is_flag=True, help="Look once, print it, and leave.")
def top(every: timedelta, once: bool) -> int:
    """Watch workers and jobs and what they use.

    The busiest come first; Ctrl-C leaves. While it runs, workers look at their jobs once in that time rather
    than twice a minute. On anything but a terminal it prints once, unless --output asks for a line or
    document each time.

    \b
    Examples:
      hodei top
      hodei top --once
      hodei top --output json --every 5s | jq .workers[].cpu_cores
    """
    from hodei_cli.samples import Samples
    from hodei_cli.session import connected

    every = max(every, SHORTEST)
    once = once or not (sys.stdout.isatty() or current().structured)
    with connected() as session, connected() as other:
        if once:
            _print(_look(session, None))
            return Exit.OK
        with Samples(other, every) as samples:
            try:
                _repeat(session, samples, every.total_seconds())
            except KeyboardInterrupt:
                return Exit.OK
    return Exit.OK


def _repeat(session: Session, samples: Samples, every: float) -> None:
    from hodei_cli.live import Screen

    if current().structured:
        samples.came.wait(every)
        while True:
            _print(_look(session, samples))
            time.sleep(every)
    with Screen() as screen:
        while True:
            screen.draw(_lines(_look(session, samples), screen.width()))
            if samples.came.wait(every):
                samples.came.clear()
                time.sleep(min(every, 0.5))  # those of the other workers come along


def _look(session: Session, samples: Samples | None) -> View:
    from hodei_grpc.methods import MetricsService, WorkerService
    from hodei_proto.wire.hodei import JobMetricsRequest, ListWorkersRequest

    at = datetime.now(UTC)
    metrics = session.call(MetricsService.get_job_metrics, JobMetricsRequest(range="1h"))
    workers = session.call(WorkerService.list_workers, ListWorkersRequest(limit=MOST_WORKERS)).workers
    jobs = _running(session) if any(each.current_job_id for each in workers) else {}
    rows = [_row(each, samples, jobs.get(each.current_job_id), at) for each in workers]
    rows.sort(key=lambda row: (row["job"] is None, -(row["cpu_cores"] or 0.0), row["id"]))
    return View(at, metrics, rows)


def _running(session: Session) -> dict[str, Any]:
    """The jobs that run, for their names and beginnings; the newest of very many."""
    from hodei_grpc.methods import JobExecutionService
    from hodei_proto.wire.hodei import JobStatus, ListJobsRequest

    request = ListJobsRequest(status=JobStatus.RUNNING, limit=MOST_NAMES)
    jobs = session.call(JobExecutionService.list_jobs, request).jobs
    return {each.job_id.value: each for each in jobs if each.job_id is not None}


def _row(worker: WorkerView, samples: Samples | None, job: Any, at: datetime) -> dict[str, Any]:
    from hodei_cli.samples import of_worker

    job_id = worker.current_job_id or None
    use = samples.of(worker.id, job_id) if samples is not None else None
    if use is None and job_id is not None and worker.usage is not None:
        use = of_worker(worker.usage)
    started = job.started_at if job is not None else None
    return {
        "id": worker.id,
        "state": worker.state,
        "provider": worker.provider or None,
        "hostname": worker.hostname or None,
        "job": job_id,
        "job_name": (job.name or None) if job is not None else None,
        "running_for": at - started if started is not None else None,
        "cpu_cores": use.cpu_cores if use else None,
        "memory_bytes": use.memory_bytes if use else None,
        "disk_bytes": use.disk_bytes if use else None,
        "network_bytes": use.network_bytes if use else None,
    }


def _print(view: View) -> None:
    states = dict(view.metrics.jobs_by_state)
    record = {"at": view.at, "jobs": states, "workers": view.workers}
    width = None
    show_next(record, current().output, "" if current().structured else "\n".join(_lines(view, width)))


def _lines(view: View, width: int | None) -> list[str]:
    lines = [*_head(view, width), ""]
    if not view.workers:
        return [*lines, "No workers. They come when there are jobs."]
    return lines + table([_shown(row) for row in view.workers], WORKERS, width)


def _head(view: View, width: int | None) -> list[str]:
    states, queue, run = view.metrics.jobs_by_state, view.metrics.queue, view.metrics.run
    now = [f"{states.get(state, 0)} {state.lower()}" for state in ("PENDING", "SCHEDULED", "RUNNING")]
    ended = [f"{states.get(state, 0)} {state.lower()}" for state in ("SUCCEEDED", "FAILED", "TIMEOUT")]
    busy = sum(row["job"] is not None for row in view.workers)
    return [
        paint(f"Hodei  {text_of(view.at)}", "bold", sys.stdout),
        *_told("jobs", width, ", ".join(now), f"in the last hour {', '.join(ended)}"),
        *_told("times", width, _time("in the queue", queue), _time("running", run)),
        f"workers  {len(view.workers)}, {busy} with a job",
    ]


def _told(what: str, width: int | None, *parts: str) -> list[str]:
    """One line, or where that is too long one for each part."""
    line = f"{what:<9}" + "; ".join(parts)
    if width is None or len(line) <= width:
        return [line]
    return [f"{what if number == 0 else '':<9}{part}" for number, part in enumerate(parts)]


def _time(what: str, told: Any) -> str:
    if told is None or not told.count:
        return f"{what} –"
    median, slow = timedelta(seconds=told.p50_seconds), timedelta(seconds=told.p95_seconds)
    return f"{what} {span(median)} (95 %: {span(slow)})"


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as a person reads it."""
    return {
        "id": row["id"],
        "state": row["state"],
        "provider": row["provider"],
        "cpu": None if row["cpu_cores"] is None else f"{row['cpu_cores'] * 100:.0f} %",
        "memory": size(row["memory_bytes"]),
        "disk": size(row["disk_bytes"]),
        "network": size(row["network_bytes"]),
        "took": row["running_for"],
        "job": row["job"],
        "job_name": row["job_name"],
    }


def size(value: int | None) -> str | None:
    """Bytes for people: 512 B, 1.5 KiB, 230 MiB."""
    if value is None:
        return None
    number, unit = float(value), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if number < 1024 or unit == "TiB":
            break
        number /= 1024
    return f"{number:.0f} {unit}" if number >= 10 or unit == "B" else f"{number:.1f} {unit}"
