from datetime import timedelta
from uuid import UUID

import pytest
from hodei_application.testing import World
from hodei_application.workers.commands import CancelAttempt
from hodei_domain.jobs.errors import IllegalMove, JobNotFound
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import Clocks
from hodei_domain.kernel.ids import JobId


async def test_a_waiting_job_ends_at_once(world: World) -> None:
    job = await world.submit()
    cancelled = await world.control.cancel_job(job.id, by="ann", reason="typo")
    assert cancelled.state is JobState.CANCELLED
    await world.add_worker()
    await world.settle()
    assert (await world.job(job.id)).attempt == 0
    assert (await world.events(job.id))[-1] == "JobCancelled"


async def test_the_worker_of_a_running_job_is_told_at_once_with_the_jobs_grace(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, clocks=Clocks(grace=timedelta(seconds=3)))
    assert (await world.control.cancel_job(job.id)).state is JobState.RUNNING
    assert agent.told(CancelAttempt) == [CancelAttempt(job.id, 1, timedelta(seconds=3), "cancelled")]
    await agent.finish(job, JobResult(reason=Reason.CANCELLED, signal=15))
    assert (await world.job(job.id)).state is JobState.CANCELLED


async def test_cancelling_twice_is_no_error_and_changes_nothing(world: World) -> None:
    waiting = await world.submit()
    for _ in range(2):
        await world.control.cancel_job(waiting.id)
    agent = await world.add_worker()
    running = await world.running(agent)
    await world.control.cancel_job(running.id)
    version = (await world.job(running.id)).version
    await world.control.cancel_job(running.id)
    assert (await world.job(running.id)).version == version


async def test_a_job_that_is_over_otherwise_cannot_be_cancelled(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.finish(job)
    with pytest.raises(IllegalMove):
        await world.control.cancel_job(job.id)


async def test_a_job_that_does_not_exist_cannot_be_cancelled(world: World) -> None:
    with pytest.raises(JobNotFound):
        await world.control.cancel_job(JobId(UUID(int=1)))


async def test_a_wish_for_a_worker_elsewhere_is_hinted_and_read_there(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await world.replica("two").cancel_job(job.id)
    assert world.hints[-1] == "wish"
    assert agent.told(CancelAttempt) == []
    world.control.hinted("wish")
    await world.control.engine.wishes()
    assert len(agent.told(CancelAttempt)) == 1


async def test_a_wish_for_a_worker_whose_stream_breaks_just_then_is_kept(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    agent.link.breaks = True
    await world.control.cancel_job(job.id)
    assert (await world.job(job.id)).cancel_wish is not None
    assert world.hints[-1] == "wish"


async def test_without_wishes_nobody_is_told_anything(world: World) -> None:
    await world.control.engine.wishes()
    agent = await world.add_worker()
    await world.running(agent)
    told = len(agent.link.sent)
    await world.control.engine.wishes()
    assert len(agent.link.sent) == told
