"""Decisions of the scheduler, kept so that they can be explained."""

from datetime import datetime

from attrs import frozen

from hodei_domain.kernel.ids import JobId, WorkerId


@frozen(kw_only=True)
class Decision:
    """Which worker a job was given to, with what score and why.

    `worker_id` None: no one could serve it, and why.
    """

    job_id: JobId
    worker_id: WorkerId | None
    attempt: int = 0
    score: float = 0.0
    reasons: tuple[str, ...] = ()
    decided_at: datetime
