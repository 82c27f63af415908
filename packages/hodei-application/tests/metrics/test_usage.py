"""What jobs use, taken from heartbeats."""

import asyncio
from datetime import timedelta

import pytest
from hodei_application.testing import ScriptedAgent, World
from hodei_application.workers.commands import WatchUsage
from hodei_application.workers.usage import MIB, Usage
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.metrics.tally import Measure
from hodei_domain.metrics.usage import UsageFilter, UsageSample
from hodei_domain.testing.making import new_job_id

S = timedelta(seconds=1)


async def busy(world: World) -> tuple[ScriptedAgent, Job]:
    agent = await world.add_worker()
    return agent, await world.running(agent)


async def others_turn() -> None:
    """Let tasks run as far as they can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def samples(world: World, **wanted: object) -> list[UsageSample]:
    await world.control.engine.metrics()
    return await world.control.read_usage(UsageFilter(**wanted))  # type: ignore[arg-type]


async def test_a_heartbeat_becomes_a_sample_of_the_attempt_and_of_the_worker(world: World) -> None:
    agent, job = await busy(world)
    told = Usage(cpu_percent=150.0, memory_bytes=64 * MIB, network_sent_bytes=7, job_id=job.id)
    world.control.heartbeat(agent.link, told)
    [sample] = await samples(world, job_id=job.id, attempt=1)
    assert (sample.cpu_cores, sample.memory_bytes, sample.network_sent_bytes) == (1.5, 64 * MIB, 7)
    assert (sample.worker_id, sample.at) == (agent.worker_id, world.clock())
    assert await samples(world, worker_id=agent.worker_id) == [sample]


async def test_what_is_said_again_is_kept_only_now_and_then(world: World) -> None:
    agent, job = await busy(world)
    for _ in range(30):
        world.clock.advance(2 * S)
        world.control.heartbeat(agent.link, Usage(cpu_percent=1.0, job_id=job.id))
    assert len(await samples(world, job_id=job.id)) == 2


async def test_a_late_word_about_the_job_before_is_not_the_next_ones(world: World) -> None:
    agent, _ = await busy(world)
    world.control.heartbeat(agent.link, Usage(cpu_percent=1.0, job_id=new_job_id()))
    assert await samples(world, worker_id=agent.worker_id) == []


async def test_samples_outlive_an_absence_of_the_store_and_are_not_there_twice(world: World) -> None:
    agent, job = await busy(world)
    await world.control.engine.metrics()
    world.control.heartbeat(agent.link, Usage(cpu_percent=1.0, job_id=job.id))
    world.store.fail_commits(1)
    with pytest.raises(StoreUnavailable):
        await world.control.engine.metrics()
    assert len(await samples(world, job_id=job.id)) == 1
    assert world.control.instruments.metrics_dropped.values[()] == 0


async def test_what_workers_use_is_summed_up_by_provider(world: World) -> None:
    agent, job = await busy(world)
    await world.control.engine.metrics()
    world.control.heartbeat(agent.link, Usage(cpu_percent=200.0, memory_bytes=100, job_id=job.id))
    world.clock.advance(10 * S)
    await world.control.engine.metrics()
    async with world.store.begin() as tx:
        found = await tx.metrics.sums(
            [Measure.CPU, Measure.MEMORY, Measure.BUSY], world.clock() - 600 * S, world.clock() + S
        )
    assert {each.measure: each.total for each in found} == {
        Measure.CPU: pytest.approx(20.0),
        Measure.MEMORY: pytest.approx(1000.0),
        Measure.BUSY: pytest.approx(10.0),
    }


async def test_who_watches_a_job_hears_at_once_and_its_worker_looks_more_often(world: World) -> None:
    agent, job = await busy(world)
    watching = world.control.watch_usage(job_id=job.id)
    next_one = asyncio.ensure_future(anext(watching))
    await others_turn()
    assert agent.told(WatchUsage)[0].interval == S
    world.control.heartbeat(agent.link, Usage(cpu_percent=3.0, job_id=job.id))
    assert (await asyncio.wait_for(next_one, 10)).cpu_cores == 0.03
    await watching.aclose()  # type: ignore[attr-defined]
    assert world.control.watch_usage.intake.watchers.keys() == []


async def test_old_workers_and_idle_ones_are_not_asked_to_look_more_often(world: World) -> None:
    old = await world.add_worker(is_legacy=True)
    await world.running(old)
    idle = await world.add_worker()
    watching = world.control.watch_usage()
    next_one = asyncio.ensure_future(anext(watching))
    await others_turn()
    world.control.heartbeat(old.link, Usage(cpu_percent=3.0))
    assert (await asyncio.wait_for(next_one, 10)).worker_id == old.worker_id
    assert old.told(WatchUsage) == idle.told(WatchUsage) == []
    await watching.aclose()  # type: ignore[attr-defined]


async def test_what_another_replica_takes_in_comes_through_the_store(world: World) -> None:
    agent, job = await busy(world)
    world.control.heartbeat(agent.link, Usage(cpu_percent=3.0, job_id=job.id))
    await world.control.engine.metrics()
    other = world.replica("two")
    watching = other.watch_usage(worker_id=agent.worker_id)
    assert (await asyncio.wait_for(anext(watching), 10)).job_id == job.id
    await watching.aclose()  # type: ignore[attr-defined]
    await other.stop()
