"""How many jobs there are."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen
from hodei_domain.jobs.job import JobState

from hodei_application.ports import Clock, UnitOfWork


@frozen(kw_only=True)
class QueueStatus:
    """Jobs by what has become of them; `failed` counts timeouts too, `running` those that are assigned."""

    pending: int
    running: int
    completed: int
    failed: int
    cancelled: int
    at: datetime


@frozen
class GetQueueStatus:
    """Count the jobs."""

    begin: UnitOfWork
    now: Clock

    async def __call__(self) -> QueueStatus:
        async with self.begin() as tx:
            counts = await tx.job_views.counts()
        return QueueStatus(
            pending=counts[JobState.PENDING],
            running=counts[JobState.SCHEDULED] + counts[JobState.RUNNING],
            completed=counts[JobState.SUCCEEDED],
            failed=counts[JobState.FAILED] + counts[JobState.TIMEOUT],
            cancelled=counts[JobState.CANCELLED],
            at=self.now(),
        )
