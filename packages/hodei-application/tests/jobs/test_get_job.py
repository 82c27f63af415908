from uuid import UUID

import pytest
from hodei_application.testing import World
from hodei_domain.jobs.errors import JobNotFound
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.result import JobResult
from hodei_domain.jobs.spec import RetryRules
from hodei_domain.jobs.views import JobFilter
from hodei_domain.kernel.ids import JobId


async def test_a_job_is_told_with_all_its_attempts(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, retry=RetryRules(max_attempts=2))
    await agent.finish(job, JobResult(reason="exit", exit_code=1))
    details = await world.control.get_job(job.id)
    assert [attempt.number for attempt in details.attempts] == [1]
    assert details.job == await world.control.read_job(job.id)
    assert "after 1 failures" in details.pending_reasons[0].reason


async def test_a_job_that_does_not_wait_has_no_reasons_to(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    assert (await world.control.get_job(job.id)).pending_reasons == []
    assert await world.control.why_pending(job.id) == []


async def test_without_a_provider_a_waiting_job_says_so(world: World) -> None:
    job = await world.submit()
    [reason] = (await world.control.get_job(job.id)).pending_reasons
    assert "there is no provider" in reason.reason


async def test_a_job_says_that_its_provider_is_at_its_limit(world: World) -> None:
    await world.add_provider(max_workers=1)
    await world.submit()
    job = await world.submit()
    await world.settle()
    [reason] = await world.control.why_pending(job.id)
    assert (reason.provider, reason.reason) == ("scripted", "is at its limit of 1 workers")


async def test_an_unknown_job_is_not_found(world: World) -> None:
    for ask in (world.control.get_job, world.control.read_job, world.control.why_pending):
        with pytest.raises(JobNotFound):
            await ask(JobId(UUID(int=1)))  # type: ignore[operator]


async def test_jobs_are_listed_and_counted(world: World) -> None:
    done = await world.submit()
    await world.control.cancel_job(done.id)
    waiting = await world.submit()
    page = await world.control.list_jobs(JobFilter())
    assert [job.id for job in page.jobs] == [waiting.id, done.id]
    states = frozenset({JobState.CANCELLED})
    assert [job.id for job in (await world.control.list_jobs(JobFilter(states=states))).jobs] == [done.id]
    status = await world.control.queue_status()
    assert (status.pending, status.running, status.completed) == (1, 0, 0)
    assert (status.failed, status.cancelled, status.at) == (0, 1, world.clock())
