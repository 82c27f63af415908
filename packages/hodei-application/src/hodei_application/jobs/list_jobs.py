"""List jobs."""

from __future__ import annotations

from attrs import frozen
from hodei_domain.jobs.views import JobFilter, JobPage

from hodei_application.ports import UnitOfWork


@frozen
class ListJobs:
    """A page of jobs, the newest first."""

    begin: UnitOfWork

    async def __call__(self, wanted: JobFilter) -> JobPage:
        async with self.begin() as tx:
            return await tx.job_views.list_jobs(wanted)
