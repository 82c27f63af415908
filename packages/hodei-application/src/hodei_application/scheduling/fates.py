"""What is to become of a worker, judged from its row alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen
from hodei_domain.scheduling.terms import Terms
from hodei_domain.workers.worker import GOING, STARTING, Worker, WorkerState

BY_HAND_VERDICT = timedelta(minutes=10)
"""A worker that no provider made cannot be replaced by us, so it gets longer to come back."""


@frozen
class Fate:
    """Drain it, or have it destroyed; and why. `failed_start`: it never came, which counts against its
    provider.
    """

    drain: bool
    why: str
    failed_start: bool = False


def fate_of(
    worker: Worker, terms: Terms, *, now: datetime, verdict: timedelta, may_judge: bool
) -> Fate | None:
    """None: leave it alone. Silence, and that it did not come, are held against it only when `may_judge`.

    Nothing of this ends a job for the age of its worker: only a deadline that its pool sets does.
    """
    if worker.state in GOING:
        return None
    if terms.out_of_use and worker.state is not WorkerState.DRAINING:
        return Fate(worker.job_id is not None, f"its provider {terms.out_of_use}")
    if worker.state in STARTING:
        return _fate_of_starting(worker, now) if may_judge else None
    if may_judge and _is_silent(worker, now, verdict):
        return Fate(False, "it was silent for too long")
    if worker.state is WorkerState.DRAINING:
        return _fate_of_draining(worker, now)
    if worker.provider_id is not None and now - worker.created_at >= terms.max_lifetime:
        return Fate(worker.job_id is not None, "it has reached its lifetime")
    if is_worn_out(worker, terms) and worker.job_id is None:  # its pool's rules changed meanwhile
        return Fate(False, worn_out(worker))
    return None


def is_worn_out(worker: Worker, terms: Terms) -> bool:
    """Whether it has served as many jobs as it may. Those started by hand are their owner's."""
    return bool(terms.max_jobs) and worker.provider_id is not None and worker.jobs_done >= terms.max_jobs


def worn_out(worker: Worker) -> str:
    """Why one that is worn out goes."""
    return f"it has served {worker.jobs_done} {'job' if worker.jobs_done == 1 else 'jobs'}"


def _fate_of_starting(worker: Worker, now: datetime) -> Fate | None:
    if not worker.is_late(now):
        return None
    came = worker.registered_at is not None
    why = "it registered and did not connect in time" if came else "it did not come in time"
    return Fate(False, why, failed_start=True)


def _fate_of_draining(worker: Worker, now: datetime) -> Fate | None:
    if worker.job_id is None:
        return Fate(False, "drained")
    if worker.drain_by is not None and now >= worker.drain_by:
        return Fate(False, "its time to drain is over")
    return None


def _is_silent(worker: Worker, now: datetime, verdict: timedelta) -> bool:
    """Of one that holds a job the lease says it; this is about those whose silence nobody else would
    notice.
    """
    if worker.job_id is not None:
        return False
    heard = max(worker.last_heartbeat or worker.changed_at, worker.changed_at)
    return now - heard >= (verdict if worker.provider_id is not None else max(verdict, BY_HAND_VERDICT))


def is_idle_too_long(worker: Worker, terms: Terms, now: datetime) -> bool:
    """Whether an idle worker's time to live is over. Those started by hand are their owner's."""
    is_idle = worker.state is WorkerState.READY and worker.provider_id is not None
    return is_idle and worker.idle_since is not None and now - worker.idle_since >= terms.idle_ttl
