"""What a worker brings along when it connects, and what is to become of it."""

from __future__ import annotations

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.ids import JobId, WorkerId

from hodei_application.workers.commands import Action


@frozen
class Attempted:
    """An attempt that a worker has, and the next log sequence that it would send."""

    job_id: JobId
    attempt: int
    next_sequence: int = 0


@frozen(kw_only=True)
class Hello:
    """The first message of a stream: what still runs, and what ended and was not acknowledged yet."""

    worker_id: WorkerId
    running: tuple[Attempted, ...] = ()
    finished: tuple[Attempted, ...] = ()

    @property
    def attempts(self) -> tuple[Attempted, ...]:
        """All of them."""
        return (*self.running, *self.finished)


def is_live(job: Job | None, attempt: int, worker_id: WorkerId) -> bool:
    """Whether this worker holds this attempt and its end is not known yet."""
    return job is not None and job.attempt == attempt and job.worker_id == worker_id


def action_for(job: Job | None, attempted: Attempted, worker_id: WorkerId, *, runs: bool) -> Action:
    """What the worker shall do with an attempt of its hello."""
    if is_live(job, attempted.attempt, worker_id):
        return Action.CONTINUE
    return Action.STOP if runs else Action.DONE
