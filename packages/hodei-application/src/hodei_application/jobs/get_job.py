"""Read a job."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from hodei_domain.jobs.job import Attempt, Job
from hodei_domain.kernel.ids import JobId
from hodei_domain.scheduling.why import PendingReason

from hodei_application.jobs.why_pending import WhyPending
from hodei_application.ports import UnitOfWork


@frozen
class JobDetails:
    """A job, all its attempts by number, and why it waits if it does."""

    job: Job
    attempts: Sequence[Attempt]
    pending_reasons: Sequence[PendingReason]


@frozen
class GetJob:
    """Read a job with all that is known of it. Raises JobNotFound."""

    begin: UnitOfWork
    why: WhyPending

    async def __call__(self, job_id: JobId) -> JobDetails:
        async with self.begin() as tx:
            job = await tx.jobs.get(job_id)
            attempts = await tx.job_views.attempts(job_id) if job.attempt else []
            return JobDetails(job, attempts, await self.why.of(tx, job))


@frozen
class ReadJob:
    """Read a job alone: one query. Raises JobNotFound."""

    begin: UnitOfWork

    async def __call__(self, job_id: JobId) -> Job:
        async with self.begin() as tx:
            return await tx.jobs.get(job_id)
