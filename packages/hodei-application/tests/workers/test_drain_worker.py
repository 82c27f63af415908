from datetime import timedelta
from uuid import UUID

import pytest
from hodei_application.logs.get_logs import LogQuery
from hodei_application.testing import World
from hodei_application.workers.commands import DrainWorker
from hodei_application.workers.terminate_worker import WorkerBusy
from hodei_domain.jobs.job import JobState
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.errors import WorkerNotFound
from hodei_domain.workers.worker import WorkerState

NOBODY = WorkerId(UUID(int=1))


async def test_an_idle_worker_that_is_drained_goes_at_once(world: World) -> None:
    await world.add_provider()
    await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0])
    await world.control.drain_worker(agent.worker_id)
    await world.settle()
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED
    assert world.provider.made == {}
    assert agent.link.closed is not None


async def test_a_busy_worker_that_is_drained_finishes_its_job_and_goes(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    waiting = await world.submit()
    worker = await world.control.drain_worker(agent.worker_id, deadline=timedelta(minutes=1), reason="tired")
    assert worker.state is WorkerState.DRAINING
    assert agent.told(DrainWorker) == [DrainWorker(timedelta(minutes=1), "tired")]
    await world.settle()
    assert (await world.job(job.id)).state is JobState.RUNNING
    await agent.finish(job)
    await world.settle()
    assert (await world.job(job.id)).state is JobState.SUCCEEDED
    assert (await world.job(waiting.id)).state is JobState.PENDING
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED


async def test_a_worker_that_does_not_finish_by_the_deadline_loses_its_job(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await world.control.drain_worker(agent.worker_id, deadline=timedelta(seconds=30))
    await world.pass_time(timedelta(seconds=40))
    assert (await world.job(job.id)).losses == 1
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED


async def test_draining_twice_is_no_error_and_draining_nobody_is(world: World) -> None:
    agent = await world.add_worker()
    await world.running(agent)
    await world.control.drain_worker(agent.worker_id)
    await world.control.drain_worker(agent.worker_id)
    with pytest.raises(WorkerNotFound):
        await world.control.drain_worker(NOBODY)


async def test_a_worker_connected_elsewhere_is_told_by_who_holds_its_stream(
    world: World,
) -> None:
    agent = await world.add_worker()
    await world.running(agent)
    other = world.replica("two")
    await other.drain_worker(agent.worker_id, deadline=timedelta(minutes=1), reason="tired")
    assert "wish" in world.hints
    await world.control.engine.wishes()
    assert agent.told(DrainWorker)[-1].reason == "tired"


async def test_a_worker_that_is_terminated_loses_its_job_by_policy(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    done = await world.control.terminate_worker(agent.worker_id, reason="broken")
    assert done.lost is not None
    assert done.lost.id == job.id
    assert (await world.job(job.id)).state is JobState.PENDING
    worker = await world.worker(agent.worker_id)
    assert (worker.state, worker.job_id, worker.reason) == (WorkerState.TERMINATING, None, "broken")
    again = await world.control.terminate_worker(agent.worker_id)
    assert again.lost is None


async def test_the_output_that_goes_with_a_terminated_worker_is_marked_in_its_log(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.write(job, b"kept\n")
    await world.control.terminate_worker(agent.worker_id, reason="broken")
    page = await world.control.get_logs(LogQuery(job_id=job.id))
    assert page.lines[0].entry.data == b"kept"
    assert b"broken; output that it had not sent yet is lost" in page.lines[1].entry.data


async def test_without_force_a_busy_worker_is_left_alone(world: World) -> None:
    agent = await world.add_worker()
    await world.running(agent)
    with pytest.raises(WorkerBusy):
        await world.control.unregister_worker(agent.worker_id)
    assert (await world.worker(agent.worker_id)).state is WorkerState.BUSY
    assert await world.control.unregister_worker(agent.worker_id, force=True) == 1
    with pytest.raises(WorkerNotFound):
        await world.control.terminate_worker(NOBODY)


async def test_an_idle_worker_that_unregisters_leaves_nothing_behind(world: World) -> None:
    agent = await world.add_worker()
    assert await world.control.unregister_worker(agent.worker_id) == 0
    await world.settle()
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED


async def test_a_worker_that_has_no_job_any_more_in_our_books_is_terminated_alone(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    async with world.store.begin() as tx:
        await tx.jobs.save([job.lose(1, at=world.clock(), why="test")])
    assert (await world.control.terminate_worker(agent.worker_id)).lost is None
