"""What a job spent its time on."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from hodei_domain.jobs.timeline import Phase, timeline_of
from hodei_domain.kernel.ids import JobId

from hodei_application.ports import Clock, UnitOfWork


@frozen
class ReadTimeline:
    """The phases of a job in order, from its attempts and its events. Raises JobNotFound."""

    begin: UnitOfWork
    now: Clock

    async def __call__(self, job_id: JobId) -> Sequence[Phase]:
        async with self.begin() as tx:
            job = await tx.jobs.get(job_id)
            attempts = await tx.job_views.attempts(job_id)
            records = await tx.audit.by_correlation(str(job_id))
        stages = [
            (r.occurred_at, str(r.payload.get("worker_id", "")), str(r.payload.get("stage", "")))
            for r in records
            if r.event_type == "JobProvisioning"
        ]
        return timeline_of(job, attempts, stages)
