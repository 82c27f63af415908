"""Lists of jobs for which no index serves."""

from __future__ import annotations

import pytest
from attrs import evolve
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.views import JobFilter
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.testing.making import SECOND, SUCCESS, T0, assigned, new_job_id, save_jobs, submitted
from hodei_domain.testing.stores import Begin
from hodei_domain.workers.worker import Worker
from hodei_infrastructure.postgres import job_views
from hodei_infrastructure.postgres.store import PostgresStore

pytestmark = pytest.mark.postgres

HERE = ProviderId(new_job_id())
MOST = 5  # runs of a list without states


@pytest.fixture
async def begin(postgres_store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Over jobs that wait and jobs that have ended, in turns; each seventh of all is what is looked for."""
    monkeypatch.setattr(job_views, "LOOKS", 4)
    begin = postgres_store.begin
    for number in range(42):
        wanted, at = number % 7 == 0, T0 + number * SECOND
        name = "wanted" if wanted else "other"
        tags = ("all", "wanted") if wanted else ("all",)
        if number % 2:
            await submitted(begin, name=name, tags=tags, at=at)
        else:
            await ended(begin, await assigned(begin, name=name, tags=tags, at=at), HERE if wanted else None)
    return begin


async def ended(begin: Begin, job: Job, provider: ProviderId | None) -> None:
    assert job.worker_id is not None
    async with begin() as tx:
        await tx.workers.save([Worker.provision(WorkerId(job.worker_id), at=T0, provider_id=provider)])
    [job] = await save_jobs(begin, job.start(1, at=job.changed_at))
    await save_jobs(begin, job.finish(1, SUCCESS, at=job.changed_at))


async def pages(begin: Begin, asked: JobFilter) -> list[list[Job]]:
    found: list[list[Job]] = []
    cursor: str | None = ""
    while cursor is not None:
        async with begin() as tx:
            page = await tx.job_views.list_jobs(evolve(asked, cursor=cursor))
        found.append(page.jobs)
        cursor = page.next_cursor
    return found


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (JobFilter(search="WANT", counted=False), 6),
        (JobFilter(search="WANT", counted=False, limit=1), 6),
        (JobFilter(search="WANT", counted=False, since=T0 + SECOND, until=T0 + 35 * SECOND), 4),
        (JobFilter(search="WANT", tags=("all",), counted=False), 6),
        (JobFilter(tags=("all", "wanted"), counted=False), 6),
        (JobFilter(provider_id=HERE, counted=False), 3),
        (JobFilter(search="nothing", counted=False), 0),
    ],
)
async def test_short_pages_lead_to_every_job_once_newest_first(
    begin: Begin, asked: JobFilter, count: int
) -> None:
    found = await pages(begin, asked)
    jobs = [job for page in found for job in page]
    assert len({job.id for job in jobs}) == len(jobs) == count
    assert [job.created_at for job in jobs] == sorted((job.created_at for job in jobs), reverse=True)
    assert len(found) >= 42 // (4 * MOST), "no page looks at everything"
    assert all(len(page) <= asked.limit for page in found)


async def test_a_page_that_counts_looks_at_everything(begin: Begin) -> None:
    async with begin() as tx:
        page = await tx.job_views.list_jobs(JobFilter(search="wanted"))
        second = await tx.job_views.list_jobs(JobFilter(search="wanted", offset=2, counted=False))
    assert (len(page.jobs), page.total, page.next_cursor) == (6, 6, None)
    assert second.jobs == page.jobs[2:]
