"""Find the job that a person means."""

from __future__ import annotations

from attrs import frozen
from hodei_domain.jobs.errors import JobNotFound
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.reference import SHORTEST_PART, JobReference
from hodei_domain.jobs.views import JobFilter

from hodei_application.ports import UnitOfWork

LAST = "@last"
"""The newest job of whoever asks."""

MOST = 20
"""Jobs that are named where several are meant."""


@frozen
class ResolveJob:
    """The jobs that a text may mean, newest first, at most MOST: an id, the beginning or the end of one, a
    whole name, or LAST. More than one is ambiguous, and for the caller to decide.

    Raises JobNotFound, and InvalidInput for a text that cannot refer to anything.
    """

    begin: UnitOfWork

    async def __call__(self, text: str, *, queued_by: str = "") -> list[Job]:
        async with self.begin() as tx:
            if text == LAST:
                wanted = JobFilter(queued_by=queued_by, limit=1, counted=False)
                found = (await tx.job_views.list_jobs(wanted)).jobs
            else:
                found = await tx.job_views.referred(JobReference(text), MOST)
        if not found:
            raise JobNotFound(_nothing(text, queued_by))
        return found


def _nothing(text: str, queued_by: str) -> str:
    if text == LAST:
        return f"{queued_by or 'nobody'} has no job"
    hint = "" if len(text) >= SHORTEST_PART else f"; of an id give {SHORTEST_PART} digits or more"
    return f"no job has the id or the name {text!r}, or an id that begins or ends so{hint}"
