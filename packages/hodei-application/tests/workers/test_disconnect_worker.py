import asyncio
from datetime import timedelta

from hodei_application.testing import World
from hodei_domain.jobs.job import JobState
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.worker import WorkerState


async def test_a_broken_stream_fails_nothing(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.disconnect()
    worker = await world.worker(agent.worker_id)
    assert (worker.state, worker.connected) == (WorkerState.BUSY, False)
    assert (await world.job(job.id)).state is JobState.RUNNING
    assert (await world.events(agent.worker_id))[-1] == "WorkerDisconnected"


async def test_a_worker_without_a_stream_gets_no_work(world: World) -> None:
    agent = await world.add_worker()
    await agent.disconnect()
    await world.submit()
    await world.settle()
    assert agent.jobs == []


async def test_disconnecting_twice_is_no_error(world: World) -> None:
    agent = await world.add_worker()
    await agent.disconnect()
    version = (await world.worker(agent.worker_id)).version
    await agent.disconnect()
    assert (await world.worker(agent.worker_id)).version == version


async def test_many_streams_that_break_at_once_are_recorded_in_one_transaction(world: World) -> None:
    agents = [await world.add_worker() for _ in range(10)]
    before = world.store.commits
    await asyncio.gather(*(agent.disconnect() for agent in agents))
    assert world.store.commits - before == 1
    assert not any(worker.connected for worker in await world.live())


async def test_a_late_record_does_not_disconnect_a_worker_that_is_being_bound(world: World) -> None:
    agent = await world.add_worker()
    old = agent.link
    world.control.engine.connected.remove(old)
    with world.control.engine.connected.coming(agent.worker_id):
        await world.control.disconnect_worker.commit(agent.worker_id)
    assert (await world.worker(agent.worker_id)).connected is True


async def test_a_worker_whose_row_says_disconnected_while_its_stream_is_here_is_served(world: World) -> None:
    agent = await world.add_worker()
    async with world.store.begin() as tx:  # another replica recorded the end of an older stream, late
        [worker] = (await tx.workers.lock([agent.worker_id])).values()
        await tx.workers.save([worker.disconnect(at=world.clock())])
    await world.submit()
    await world.settle()
    assert len(agent.jobs) == 1
    assert (await world.worker(agent.worker_id)).connected is True


async def test_the_end_of_a_stream_that_was_never_bound_is_passed_over(world: World) -> None:
    agent = world.agent(WorkerId(world.ids()))
    await agent.disconnect()
    assert await world.live() == []


async def test_a_worker_that_is_silent_is_suspect_and_gets_no_work_until_it_is_heard(world: World) -> None:
    agent = await world.add_worker()
    world.clock.advance(timedelta(seconds=16))
    await world.submit()
    await world.control.engine.dispatcher.step()
    assert agent.jobs == []
    world.control.heartbeat(agent.link)
    await world.control.engine.dispatcher.step()
    assert len(agent.jobs) == 1


async def test_the_end_of_a_stream_while_the_store_is_away_is_no_error(world: World) -> None:
    agent = await world.add_worker()
    world.store.fail_commits(1)
    await agent.disconnect()
    assert world.control.engine.connected.is_here(agent.worker_id) is False
    await world.pass_time(timedelta(minutes=11))
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED
