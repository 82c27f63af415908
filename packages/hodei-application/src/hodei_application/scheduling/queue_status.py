"""How many jobs there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import frozen
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.state import FAILURES
from hodei_domain.jobs.views import WaitingClass

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
            failed=sum(counts[state] for state in FAILURES),
            cancelled=counts[JobState.CANCELLED],
            at=self.now(),
        )


DEEPEST = 10_000
"""Where the count of one class stops: whoever looks wants to know that it is many."""


@frozen(kw_only=True)
class Overview:
    """Jobs by state, the classes that wait, the one that waits longest first, and since when it does."""

    by_state: Mapping[JobState, int]
    classes: Sequence[WaitingClass]
    oldest: datetime | None


@frozen
class QueueOverview:
    """What is in the queue and what is not any more."""

    begin: UnitOfWork

    async def __call__(self) -> Overview:
        async with self.begin() as tx:
            counts = await tx.job_views.counts()
            classes = await tx.queue.waiting(DEEPEST)
        return Overview(
            by_state=counts, classes=classes, oldest=min((each.oldest for each in classes), default=None)
        )
