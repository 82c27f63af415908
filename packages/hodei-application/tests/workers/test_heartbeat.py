from datetime import timedelta

from hodei_application.testing import ScriptedLink, World
from hodei_application.workers.hello import Attempted
from hodei_application.workers.usage import MIB, Usage
from hodei_domain.jobs.job import JobState
from hodei_domain.workers.ports import WorkerFilter


async def test_heartbeats_are_kept_in_memory_and_written_for_all_at_once(world: World) -> None:
    agents = [await world.add_worker() for _ in range(5)]
    before = world.store.commits
    world.clock.advance(timedelta(seconds=5))
    for agent in agents:
        world.control.heartbeat(agent.link, Usage(cpu_percent=50.0))
    assert world.store.commits == before
    await world.control.engine.flush()
    assert world.store.commits - before == 1
    assert all(worker.last_heartbeat == world.clock() for worker in await world.live())


async def test_what_a_heartbeat_says_can_be_seen(world: World) -> None:
    agent = await world.add_worker()
    world.control.heartbeat(agent.link, Usage(cpu_percent=50.0, memory_bytes=100 * MIB))
    world.control.heartbeat(agent.link)
    [view] = await world.control.list_workers(WorkerFilter())
    assert view.usage == Usage(cpu_percent=50.0, memory_bytes=100 * MIB)
    assert (await world.control.get_worker(agent.worker_id)).usage == view.usage


async def test_a_heartbeat_over_a_stream_that_is_not_bound_is_passed_over(world: World) -> None:
    agent = await world.add_worker()
    world.clock.advance(timedelta(seconds=20))
    world.control.heartbeat(ScriptedLink(agent.worker_id), Usage())
    assert world.control.engine.connected.heard_lately() == []


async def test_leases_of_workers_that_are_heard_go_on_and_those_of_silent_ones_do_not(world: World) -> None:
    loud, silent = await world.add_worker(), await world.add_worker()
    heard, lost = await world.submit(), await world.submit()
    await world.settle()
    silent.link.breaks = True
    await world.pass_time(timedelta(seconds=120))
    by_worker = {job.worker_id: job for job in (await world.job(heard.id), await world.job(lost.id))}
    assert by_worker[loud.worker_id].state is JobState.SCHEDULED
    assert silent.worker_id not in by_worker


async def test_the_audit_trail_tells_of_a_heartbeat_in_ten_minutes(world: World) -> None:
    agent = await world.add_worker()
    for _ in range(31):
        world.clock.advance(timedelta(minutes=1))
        world.control.heartbeat(agent.link, Usage(cpu_percent=1.0))
        await world.control.engine.flush()
    assert (await world.events(agent.worker_id)).count("WorkerHeartbeat") == 4


async def test_without_workers_nothing_is_written(world: World) -> None:
    before = world.store.commits
    await world.control.engine.flush()
    assert world.store.commits == before


async def test_a_heartbeat_is_told_how_long_the_lease_lasts_since_it_was_renewed(world: World) -> None:
    agent = await world.add_worker()
    assert world.control.heartbeat(agent.link) == timedelta(seconds=45)
    job = await world.running(agent)
    world.clock.advance(timedelta(seconds=10))
    assert world.control.heartbeat(agent.link) <= timedelta(seconds=35)
    await world.control.engine.renew()
    assert world.control.heartbeat(agent.link) == timedelta(seconds=45)
    world.clock.advance(timedelta(seconds=3))
    assert world.control.heartbeat(agent.link) == timedelta(seconds=42)
    await agent.finish(job)
    assert world.control.heartbeat(agent.link) == timedelta(seconds=45)


async def test_what_is_told_of_the_lease_never_outlasts_it_in_the_store(world: World) -> None:
    agent = await world.add_worker()
    world.control.heartbeat(agent.link)
    world.clock.advance(timedelta(seconds=4))
    job = await world.running(agent)
    for step in (1, 3, 7, 2, 9, 14):
        world.clock.advance(timedelta(seconds=step))
        if step % 2:
            await world.control.engine.renew()
        left = world.control.heartbeat(agent.link)
        assert world.clock() + left <= world.store.tables.leases.rows[job.id, 1]


async def test_a_lease_that_is_not_renewed_runs_out_however_well_the_stream_is(
    world: World,
) -> None:
    agent = await world.add_worker()
    await world.running(agent)
    for _ in range(10):
        world.clock.advance(timedelta(seconds=5))
        left = world.control.heartbeat(agent.link)
    assert left < timedelta(0)


async def test_nothing_is_asked_of_the_store_to_renew_while_nothing_runs(world: World) -> None:
    await world.add_worker()
    before = world.store.commits
    await world.control.engine.renew()
    assert world.store.commits == before


async def test_a_worker_that_bound_again_has_the_lease_of_its_binding(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    world.clock.advance(timedelta(seconds=20))
    await agent.connect(running=(Attempted(job.id, 1),))
    world.clock.advance(timedelta(seconds=5))
    assert world.control.heartbeat(agent.link) == timedelta(seconds=40)


async def test_a_job_has_a_lease_of_its_own_however_long_ago_its_worker_was_heard(world: World) -> None:
    agent = await world.add_worker()
    world.control.heartbeat(agent.link)
    world.clock.advance(timedelta(seconds=14))  # as after an outage
    job = await world.submit()
    await world.settle()
    assert (await world.job(job.id)).worker_id == agent.worker_id
    assert world.control.heartbeat(agent.link) > timedelta(seconds=40)
