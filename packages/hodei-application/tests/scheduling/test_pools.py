"""Pools of workers: limits, warm ones, ends, and who makes way for whom."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from hodei_application.testing import ScriptedAgent, World
from hodei_application.workers.commands import DrainWorker, ResultAck
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.spec import PullPolicy
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.kernel.values import Resources
from hodei_domain.providers.pools import Pool, PoolRules
from hodei_domain.scheduling.surplus import PATIENCE, UNWANTED_AFTER
from hodei_domain.scheduling.terms import ONE_JOB_IDLE
from hodei_domain.workers.worker import Worker, WorkerState

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def alpine(**rules: Any) -> Pool:
    return Pool(image="alpine", rules=PoolRules(**rules))


def running(world: World) -> list[tuple[ScriptedAgent, Job]]:
    """What live agents were told to run and have not ended."""
    return [
        (agent, agent.jobs[-1])
        for id, agent in world.agents.items()
        if id in world.provider.made and agent.jobs and agent.jobs[-1].id not in ended(agent)
    ]


def ended(agent: ScriptedAgent) -> set[JobId]:
    return {ack.job_id for ack in agent.told(ResultAck)}


async def finish_all(world: World) -> int:
    """Let all that runs end; how many that were."""
    found = running(world)
    for agent, job in found:
        await agent.finish(job)
    return len(found)


async def images(world: World) -> list[str]:
    return sorted(worker.demand.image for worker in await world.live())


async def states(world: World) -> list[WorkerState]:
    return [worker.state for worker in await world.live()]


async def only(world: World) -> Worker:
    [worker] = await world.live()
    return worker


async def test_a_pool_has_a_limit_of_its_own_below_its_providers(world: World) -> None:
    await world.add_provider(max_workers=5, pools=(alpine(max_workers=2),))
    for _ in range(4):
        await world.submit(image="alpine")
        job = await world.submit(image="busybox")
    await world.settle()
    assert await images(world) == ["alpine"] * 2 + ["busybox"] * 3
    why = await world.control.why_pending(job.id)
    assert [each.reason for each in why] == ["is at its limit of 5 workers"]


async def test_why_a_job_waits_for_its_pool_is_said(world: World) -> None:
    await world.add_provider(pools=(alpine(max_workers=0),))
    job = await world.submit(image="alpine")
    await world.settle()
    assert await world.live() == []
    [reason] = await world.control.why_pending(job.id)
    assert reason.reason == "is at its limit of 0 workers for alpine"


async def test_warm_workers_of_a_named_image_are_there_before_the_job(world: World) -> None:
    await world.add_provider(pools=(alpine(min_idle=2),))
    await world.settle()
    assert await images(world) == ["alpine", "alpine"]
    job = await world.submit(image="alpine")
    assert (await world.job(job.id)).state is JobState.SCHEDULED
    await world.settle()
    assert sorted(await states(world)) == [WorkerState.BUSY, WorkerState.READY, WorkerState.READY]


async def test_idle_ones_beyond_the_minimum_go_after_their_time(world: World) -> None:
    await world.add_provider(pools=(alpine(min_idle=1, idle_ttl=30 * SECOND),))
    for image in ("alpine", "alpine", "busybox"):
        await world.submit(image=image)
    await world.settle()
    await finish_all(world)
    await world.pass_time(20 * SECOND)
    assert await images(world) == ["alpine"] * 3 + ["busybox"]
    await world.pass_time(30 * SECOND)
    assert await images(world) == ["alpine", "busybox"], "the other image has the scheduler's five minutes"


async def test_a_worker_goes_after_as_many_jobs_as_its_pool_allows(world: World) -> None:
    await world.add_provider(max_workers=1, pools=(alpine(max_jobs=2),))
    for _ in range(3):
        await world.submit(image="alpine")
    await world.settle()
    first = await only(world)
    for _ in range(2):
        await finish_all(world)
        await world.settle()
    assert (await world.worker(first.id)).reason == "it has served 2 jobs"
    assert (await only(world)).id != first.id
    assert await finish_all(world) == 1


async def test_a_lower_number_of_jobs_holds_for_workers_that_exist(world: World) -> None:
    provider = await world.add_provider()
    await world.submit()
    await world.settle()
    await finish_all(world)
    worker = await only(world)
    await world.control.update_provider(provider.id, {"pool": PoolRules(max_jobs=1)})
    await world.pass_time(11 * SECOND)
    assert (await world.worker(worker.id)).reason == "it has served 1 job"


async def test_a_lifetime_ends_with_the_job_or_the_drain_deadline(world: World) -> None:
    rules = PoolRules(max_lifetime=MINUTE, drain_within=20 * SECOND)
    await world.add_provider(max_workers=1, pool=rules)
    await world.submit()
    await world.settle()
    worker = await only(world)
    assert worker.expires_at == worker.created_at + 2 * MINUTE
    [(agent, job)] = running(world)
    await agent.start(job)
    await world.pass_time(65 * SECOND)
    draining = await world.worker(worker.id)
    assert draining.state is WorkerState.DRAINING
    assert draining.drain_by is not None
    assert draining.drain_by - worker.created_at < 90 * SECOND
    await world.pass_time(30 * SECOND)
    assert (await world.worker(worker.id)).reason == "its time to drain is over"
    assert (await world.worker(worker.id)).is_over


async def test_a_drain_by_hand_has_its_pools_deadline(world: World) -> None:
    await world.add_provider(pool=PoolRules(drain_within=20 * SECOND))
    await world.submit()
    await world.settle()
    draining = await world.control.drain_worker((await only(world)).id)
    assert draining.drain_by == draining.changed_at + 20 * SECOND


async def test_a_worker_whose_image_fits_is_used_again(world: World) -> None:
    await world.add_provider()
    for _ in range(3):
        await world.submit(image="alpine")
        await world.settle()
        await finish_all(world)
    await world.submit(image="alpine", pull=PullPolicy.NEVER)
    await world.settle()
    assert len(world.provider.made) == 1


async def test_a_job_that_wants_its_image_anew_gets_a_new_worker_for_itself(world: World) -> None:
    await world.add_provider()
    await world.submit(image="alpine")
    await world.settle()
    await finish_all(world)
    for _ in range(2):
        await world.submit(image="alpine", pull=PullPolicy.ALWAYS)
    await world.settle()
    assert len(world.provider.made) == 3
    await finish_all(world)
    await world.pass_time(3 * SECOND)
    assert await images(world) == ["alpine"]
    left = await only(world)
    assert left.demand.pull is PullPolicy.IF_NOT_PRESENT


async def test_an_image_that_was_fetched_for_a_job_that_is_gone_is_for_no_later_one(world: World) -> None:
    world.agents_come = False
    await world.add_provider()
    job = await world.submit(image="alpine", pull=PullPolicy.ALWAYS)
    await world.settle()
    await world.control.cancel_job(job.id)
    [(id, made)] = world.provider.made.items()
    agent = world.agent(id)
    await agent.register(made.otp)
    await agent.connect()
    await world.pass_time(ONE_JOB_IDLE + 11 * SECOND)
    assert await world.live() == []


class Puller:
    """A provider whose creates take until the test lets them go."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.gate = asyncio.Event()
        self.pulling: set[WorkerId] = set()
        self.broken_off: set[WorkerId] = set()
        world.provider.on_create = self.create

    async def create(self, spec: Any, otp: str) -> None:
        self.pulling.add(spec.worker_id)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.broken_off.add(spec.worker_id)
            raise
        finally:
            self.pulling.discard(spec.worker_id)

    async def look(self, times: int = 1) -> None:
        """Rounds of the leader, without waiting for what they began."""
        for _ in range(times):
            self.world.clock.advance(SECOND)
            await self.world.control.engine.leader.step()
            for _ in range(20):  # let the deeds come as far as they can
                await asyncio.sleep(0)


async def test_the_worker_of_a_job_that_is_cancelled_while_it_pulls_is_given_up(world: World) -> None:
    await world.add_provider()
    puller = Puller(world)
    job = await world.submit(image="alpine")
    await puller.look(3)
    [id] = puller.pulling
    await world.control.cancel_job(job.id)
    await puller.look(int(UNWANTED_AFTER.total_seconds()) + 3)
    await world.control.engine.deeds.settled()
    assert puller.broken_off == {id}
    assert world.provider.made == {}
    worker = await world.worker(id)
    assert (worker.state, worker.reason) == (WorkerState.TERMINATED, "no job waits for it any more")
    assert await world.live() == []


async def test_it_goes_on_pulling_while_another_job_or_a_warm_pool_wants_it(world: World) -> None:
    await world.add_provider(pools=(Pool(image="busybox", rules=PoolRules(min_idle=1)),))
    puller = Puller(world)
    jobs = [await world.submit(image="alpine") for _ in range(2)]
    await puller.look(3)
    assert len(puller.pulling) == 3
    await world.control.cancel_job(jobs[0].id)
    await puller.look(8)
    assert sorted([w.demand.image for w in await world.live()]) == ["alpine", "busybox"]
    assert len(puller.pulling) == 2
    puller.gate.set()
    await world.control.engine.deeds.settled()


async def test_never_two_workers_for_one_job_while_it_is_long_in_the_making(world: World) -> None:
    await world.add_provider()
    puller = Puller(world)
    await world.submit(image="alpine")
    await puller.look(30)
    assert len(await world.live()) == 1
    puller.gate.set()
    await world.control.engine.deeds.settled()


async def test_an_idle_worker_of_another_image_makes_way_at_the_limit(world: World) -> None:
    await world.add_provider(max_workers=1)
    await world.submit(image="alpine")
    await world.settle()
    first = await only(world)
    other = await world.submit(image="busybox")
    await world.settle()
    assert (await only(world)).id == first.id, "not while it runs a job"
    await finish_all(world)
    await world.pass_time(3 * SECOND)
    await world.settle()
    assert await images(world) == ["busybox"]
    assert (await world.job(other.id)).state is JobState.SCHEDULED
    assert (await world.worker(first.id)).reason == "it makes room for other jobs"


async def test_warm_ones_make_way_for_a_job_and_are_made_again_when_there_is_room(world: World) -> None:
    await world.add_provider(max_workers=1, pools=(alpine(min_idle=1),))
    await world.settle()
    assert await images(world) == ["alpine"]
    job = await world.submit(image="busybox")
    await world.pass_time(10 * SECOND)
    assert await images(world) == ["busybox"]
    assert (await world.job(job.id)).state is JobState.SCHEDULED
    await finish_all(world)
    await world.pass_time(6 * MINUTE)
    assert await images(world) == ["alpine"]


async def test_those_that_nothing_keeps_make_way_before_warm_ones(world: World) -> None:
    await world.add_provider(max_workers=2, pools=(alpine(min_idle=1),))
    await world.settle()
    await world.submit(image="debian")
    await world.settle()
    await finish_all(world)
    assert await images(world) == ["alpine", "debian"]
    await world.submit(image="busybox")
    await world.pass_time(5 * SECOND)
    assert await images(world) == ["alpine", "busybox"]


async def test_a_worker_that_makes_room_may_finish_its_job_however_long_it_takes(world: World) -> None:
    await world.add_provider(max_workers=1, pool=PoolRules(max_lifetime=2 * MINUTE))
    await world.submit(image="alpine")
    await world.settle()
    [(agent, job)] = running(world)
    await agent.start(job)
    await world.submit(image="busybox")
    await world.pass_time(10 * MINUTE)
    assert (await world.worker(agent.worker_id)).state is WorkerState.DRAINING
    assert (await world.job(job.id)).state is JobState.RUNNING
    told = agent.told(DrainWorker)
    assert told
    assert all(command.deadline > timedelta(days=300) for command in told)
    await agent.finish(job)
    await world.pass_time(5 * SECOND)
    assert await images(world) == ["busybox"]


async def test_only_as_many_make_way_as_jobs_need(world: World) -> None:
    await world.add_provider(max_workers=3)
    for _ in range(3):
        await world.submit(image="alpine")
    await world.settle()
    await finish_all(world)
    await world.submit(image="busybox")
    await world.pass_time(5 * SECOND)
    assert await images(world) == ["alpine", "alpine", "busybox"]


async def test_a_class_that_is_overtaken_for_long_gets_a_place(world: World) -> None:
    """Other jobs come as fast as they end, so that no worker is ever idle."""
    await world.add_provider(max_workers=2)
    for _ in range(4):
        await world.submit(image="alpine")
    await world.settle()
    starved = await world.submit(image="busybox")
    for _ in range(int(PATIENCE.total_seconds()) + 15):
        for agent, job in running(world):
            if job.id != starved.id:
                await world.submit(image="alpine")
                await agent.finish(job)
        await world.pass_time(SECOND)
    assert (await world.job(starved.id)).state is JobState.SCHEDULED
    assert await images(world) == ["alpine", "busybox"], "one place is enough"


async def test_two_hundred_jobs_over_four_images_are_done_with_five_workers(world: World) -> None:
    await world.add_provider(max_workers=5)
    jobs = [await world.submit(image=f"image:{number % 4}") for number in range(200)]
    done = rounds = 0
    while done < len(jobs):
        done += await finish_all(world)
        await world.pass_time(SECOND)
        assert len(await world.live()) <= 5
        assert len(world.provider.made) <= 5
        rounds += 1
        assert rounds < 120, "they starve"
    for job in jobs:
        assert (await world.job(job.id)).state is JobState.SUCCEEDED
        assert len(await world.attempts(job.id)) == 1
    told = [job.id for agent in world.agents.values() for job in agent.jobs]
    assert sorted(told) == sorted(job.id for job in jobs)


async def test_an_idle_worker_of_the_same_pool_but_another_size_makes_way(world: World) -> None:
    await world.add_provider(pools=(alpine(max_workers=1),))
    await world.submit(image="alpine", resources=Resources(cpu_cores=1))
    await world.settle()
    await finish_all(world)
    big = await world.submit(image="alpine", resources=Resources(cpu_cores=4))
    await world.pass_time(4 * SECOND)
    assert (await world.job(big.id)).state is JobState.SCHEDULED
    assert len(await world.live()) == 1


async def test_pools_can_be_changed_while_they_are_in_use(world: World) -> None:
    provider = await world.add_provider(pools=(alpine(min_idle=1),))
    await world.settle()
    await world.control.update_provider(provider.id, {"pools": (alpine(min_idle=0, idle_ttl=SECOND),)})
    await world.pass_time(12 * SECOND)
    assert await world.live() == []
    await world.control.update_provider(provider.id, {"pool": PoolRules(min_idle=1)})
    await world.settle()
    assert await images(world) == [""]
    assert evolve(provider, pools=()).pools == ()


async def test_idle_workers_beyond_a_limit_that_became_smaller_go_at_once(world: World) -> None:
    await world.add_provider()
    jobs = [await world.submit() for _ in range(8)]
    await world.settle()
    await finish_all(world)
    assert len(await world.live()) == 8
    await world.control.update_provider("scripted", {"max_workers": 2})
    await world.settle()
    assert len(await world.live()) == 2
    assert [(await world.job(job.id)).state for job in jobs] == [JobState.SUCCEEDED] * 8


async def test_busy_workers_beyond_a_limit_that_became_smaller_go_after_their_jobs(world: World) -> None:
    await world.add_provider(pools=(alpine(max_workers=3),))
    jobs = [await world.submit(image="alpine") for _ in range(4)]
    await world.settle()
    await world.control.update_provider("scripted", {"pools": (alpine(max_workers=1),)})
    await world.settle()
    states = sorted(worker.state.value for worker in await world.live())
    assert states == ["BUSY", "DRAINING", "DRAINING"]
    for _ in jobs:
        await finish_all(world)
        await world.settle()
        assert sum(w.state is WorkerState.BUSY for w in await world.live()) <= 1
    assert [(await world.job(job.id)).state for job in jobs] == [JobState.SUCCEEDED] * 4
    assert [len(await world.attempts(job.id)) for job in jobs] == [1] * 4


async def test_rules_by_which_more_is_kept_idle_than_there_may_be_are_refused(world: World) -> None:
    provider = await world.add_provider(max_workers=4, pools=(alpine(min_idle=2),))
    refused: list[dict[str, object]] = [
        {"max_workers": 1},
        {"pool": PoolRules(min_idle=3)},
        {"pool": PoolRules(max_workers=1)},
        {"pools": (alpine(min_idle=5),)},
        {"max_workers": 2, "pool": PoolRules(min_idle=3)},
    ]
    for settings in refused:
        with pytest.raises(InvalidInput, match="min_idle"):
            await world.control.update_provider(provider.id, settings)
    await world.control.update_provider(provider.id, {"max_workers": 3, "pool": PoolRules(min_idle=1)})
    with pytest.raises(InvalidInput, match="min_idle"):
        await world.add_provider("other", max_workers=1, pool=PoolRules(min_idle=2))
