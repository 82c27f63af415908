"""Lock a job by its id."""

from __future__ import annotations

from hodei_domain.jobs.errors import JobNotFound
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.ids import JobId

from hodei_application.ports import Transaction


async def lock_job(tx: Transaction, job_id: JobId) -> Job:
    """The job, nobody else's to change until the transaction ends. Raises JobNotFound."""
    job = (await tx.jobs.lock([job_id])).get(job_id)
    if job is None:
        raise JobNotFound(f"there is no job {job_id}")
    return job
