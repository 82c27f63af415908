from uuid import UUID

import pytest
from hodei_application.testing import World
from hodei_domain.jobs.errors import IllegalMove, JobNotFound
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.spec import OnWorkerLost
from hodei_domain.kernel.ids import JobId


async def test_a_finished_job_is_run_again_as_a_new_one_that_is_linked_to_it(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, name="build", environment={"A": "1", "B": "2"})
    await agent.finish(job)
    again = await world.control.retry_job(job.id, environment={"B": "3"})
    assert again.duplicate is False
    assert again.job.id != job.id
    assert again.job.rerun_of == job.id
    assert again.job.spec.environment == {"A": "1", "B": "3"}
    await world.settle()
    assert agent.jobs[-1].id == again.job.id


async def test_a_held_job_is_released_instead(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, on_worker_lost=OnWorkerLost.HOLD)
    await world.control.terminate_worker(agent.worker_id)
    assert (await world.job(job.id)).held is True
    released = await world.control.retry_job(job.id, actor="ann")
    assert released.job.id == job.id
    other = await world.add_worker()
    await world.settle()
    assert [(j.id, j.attempt) for j in other.jobs] == [(job.id, 2)]


async def test_a_job_that_is_under_way_is_not_run_again(world: World) -> None:
    job = await world.submit()
    with pytest.raises(IllegalMove):
        await world.control.retry_job(job.id)
    assert (await world.job(job.id)).state is JobState.PENDING
    with pytest.raises(JobNotFound):
        await world.control.retry_job(JobId(UUID(int=1)))
