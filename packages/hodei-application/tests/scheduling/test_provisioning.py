"""Making workers: the provisioner, the creator and their backoff."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from hodei_application.control_plane import Policy
from hodei_application.deeds import Deeds
from hodei_application.testing import World
from hodei_application.workers.register_worker import Registration
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.result import Reason
from hodei_domain.jobs.spec import PullPolicy
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import ProviderUnavailable, WorkerNotCreated
from hodei_domain.providers.pools import Pool, PoolRules
from hodei_domain.providers.provider import ProviderStatus
from hodei_domain.scheduling.config import SchedulerConfig
from hodei_domain.workers.spec import WorkerSpec
from hodei_domain.workers.worker import BIND_WITHIN, WorkerState


async def configure(world: World, **settings: Any) -> None:
    await world.control.configure_scheduler(evolve(await world.control.scheduler_config(), **settings))


async def test_never_more_workers_than_the_provider_allows(world: World) -> None:
    await world.add_provider(max_workers=2)
    for _ in range(5):
        await world.submit()
    await world.settle()
    assert len(world.provider.made) == 2


async def test_a_place_that_became_free_is_used(world: World) -> None:
    await configure(world, max_jobs=1)
    await world.add_provider(max_workers=1)
    first, second = await world.submit(), await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0])
    await world.pass_time(timedelta(seconds=3))
    _, other = world.agents.values()
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED
    assert {agent.jobs[0].id, other.jobs[0].id} == {first.id, second.id}


async def test_no_worker_is_made_while_idle_ones_can_serve(world: World) -> None:
    await world.add_provider()
    await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0])
    await world.submit()
    await world.settle()
    assert len(world.provider.made) == 1


async def test_no_worker_is_made_for_a_cancelled_or_held_job(world: World) -> None:
    from hodei_domain.jobs.spec import OnWorkerLost

    agent = await world.add_worker()
    held = await world.running(agent, on_worker_lost=OnWorkerLost.HOLD)
    cancelled = await world.submit()
    await world.control.cancel_job(cancelled.id)
    await world.control.terminate_worker(agent.worker_id)
    assert (await world.job(held.id)).held is True
    await world.add_provider()
    await world.pass_time(timedelta(seconds=5))
    assert world.provider.made == {}


async def test_jobs_do_not_wait_for_a_worker_that_somebody_may_start_by_hand() -> None:
    world = World(dev_mode=True)
    await world.add_provider()
    await world.control.issue_worker_token()
    mute = await world.control.register_worker(Registration(token="dev-x"))
    job = await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    assert [run.id for run in agent.jobs] == [job.id]
    await world.pass_time(BIND_WITHIN + timedelta(seconds=2))
    told = await world.worker(mute.worker_id)
    assert (told.state, told.reason) == (
        WorkerState.TERMINATED,
        "it registered and did not connect in time",
    )
    await world.control.stop()


@pytest.mark.parametrize("quick", [False, True], ids=["after it was made", "while it is made"])
async def test_a_worker_that_registers_and_never_connects_is_replaced(world: World, quick: bool) -> None:
    world.agents_come = False

    async def registers_only(spec: WorkerSpec, otp: str) -> None:
        agent = world.agent(spec.worker_id)
        if quick:
            await agent.register(otp)
        else:
            otps[spec.worker_id] = otp

    otps: dict[WorkerId, str] = {}
    world.provider.on_create = registers_only
    await world.add_provider()
    job = await world.submit()
    await world.settle()
    [first] = world.agents.values()
    if not quick:
        await first.register(otps[first.worker_id])
    world.provider.on_create = world._made
    world.agents_come = True
    await world.pass_time(BIND_WITHIN + timedelta(seconds=15))
    assert (await world.worker(first.worker_id)).state is WorkerState.TERMINATED
    assert (await world.job(job.id)).state is JobState.SCHEDULED


async def test_the_intent_is_written_before_the_provider_is_called(world: World) -> None:
    await world.add_provider()
    await world.submit()
    seen: list[WorkerState] = []

    async def look(spec: Any, otp: str) -> None:
        seen.append((await world.worker(spec.worker_id)).state)

    world.provider.on_create = look
    await world.settle()
    assert seen == [WorkerState.CREATING]


async def test_what_a_dead_process_intended_is_made_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is all that is left; the engine may or may not have the worker."""
    world.agents_come = False
    await world.add_provider()
    await world.submit()
    with monkeypatch.context() as dying:
        dying.setattr(Deeds, "start", lambda *_: False)
        await world.control.engine.leader.step()
    [worker] = await world.live()
    assert worker.state is WorkerState.CREATING
    assert world.provider.made == {}

    world.clock.advance(timedelta(seconds=30))
    successor = world.replica("two")
    world.control = successor
    await world.settle()
    assert list(world.provider.made) == [worker.id]
    assert (await world.worker(worker.id)).state is WorkerState.CONNECTING

    async with world.store.begin() as tx:  # as if the process had died between the call and its record
        [row] = (await tx.workers.lock([worker.id])).values()
        world.store.tables.workers.put(worker.id, evolve(row, state=WorkerState.CREATING))
    third = world.replica("three")
    world.clock.advance(timedelta(seconds=30))
    world.control = third
    creates = [call for call in world.provider.calls if call[0] == "create"]
    await world.settle()
    assert [call for call in world.provider.calls if call[0] == "create"] == creates
    assert (await world.worker(worker.id)).state is WorkerState.CONNECTING


async def test_an_image_that_cannot_be_pulled_fails_its_jobs_at_once_with_the_registrys_words(
    world: World,
) -> None:
    await world.add_provider()
    broken = [
        await world.submit(image="nope:1"),
        await world.submit(image="nope:1", preferred_provider="elsewhere"),
    ]
    world.provider.failures = [WorkerNotCreated("manifest unknown", reason="image-pull", final=True)] * 2
    await world.settle()
    for job in broken:
        ended = await world.job(job.id)
        assert ended.state is JobState.FAILED
        assert ended.result is not None
        assert (ended.result.reason, ended.result.message) == (Reason.IMAGE_PULL, "manifest unknown")
    assert await world.live() == []


async def test_other_classes_are_served_while_one_cannot(world: World) -> None:
    await world.add_provider()
    world.provider.failures = [WorkerNotCreated("no room", final=False)]
    waiting = await world.submit(image="big:1")
    await world.settle()
    fine = await world.submit(image="small:1")
    await world.settle()
    assert (await world.job(fine.id)).state is JobState.SCHEDULED
    assert (await world.job(waiting.id)).state is JobState.PENDING
    await world.pass_time(timedelta(seconds=4))
    assert (await world.job(waiting.id)).state is JobState.SCHEDULED


async def test_failed_creates_are_repeated_with_a_new_identity_under_backoff(world: World) -> None:
    await world.add_provider()
    world.provider.failures = [WorkerNotCreated("no room", final=False)] * 4
    await world.submit()
    await world.pass_time(timedelta(seconds=60))
    asked = [id for call, id in world.provider.calls if call == "create"]
    assert len(asked) == 5
    assert len(set(asked)) == 5
    assert len(world.provider.made) == 1


async def test_an_unreachable_provider_becomes_unhealthy_and_recovers(world: World) -> None:
    provider = await world.add_provider()
    world.provider.outage = "connection refused"
    job = await world.submit()
    await world.pass_time(timedelta(seconds=60))
    ill = (await world.control.get_provider(provider.id)).provider
    assert ill.status is ProviderStatus.UNHEALTHY
    [reason] = await world.control.why_pending(job.id)
    assert "connection refused" in reason.reason
    asked = len(world.provider.calls)
    assert asked <= 20

    world.provider.outage = ""
    await world.pass_time(timedelta(seconds=150))
    assert (await world.control.get_provider(provider.id)).provider.status is ProviderStatus.ACTIVE
    assert (await world.job(job.id)).state is JobState.SCHEDULED
    events = await world.events(provider.id)
    assert events.count("ProviderRecovered") == 1
    assert events.count("ProviderHealthChanged") == 2


async def test_a_plugins_bug_is_a_failed_create_and_not_an_endless_one(world: World) -> None:
    await world.add_provider()
    world.provider.failures = [RuntimeError("bug")]
    await world.submit()
    await world.settle()
    assert [call for call, _ in world.provider.calls] == ["create", "destroy"]


async def test_a_create_that_takes_too_long_is_given_up(world: World) -> None:
    await world.add_provider()
    config = SchedulerConfig()
    object.__setattr__(config, "register_within", timedelta(milliseconds=5))  # no operator may be so quick
    world.control.engine.config.default = world.control.engine.config.now = config

    async def hang(spec: Any, otp: str) -> None:
        import asyncio

        await asyncio.Event().wait()

    world.provider.on_create = hang
    await world.submit()
    await world.control.engine.leader.step()
    await world.control.engine.deeds.settled()
    [worker] = await world.live()
    assert worker.state is WorkerState.TERMINATING
    assert worker.reason == "creating it took too long (register_within: 0.005 s)"


async def test_why_a_job_waits_names_the_setting_that_keeps_workers_from_coming(world: World) -> None:
    world.agents_come = False
    await configure(world, register_within=timedelta(seconds=5))
    await world.add_provider()
    job = await world.submit()
    await world.settle()
    for _ in range(400):  # until the pause between two tries
        await world.pass_time(timedelta(milliseconds=200))
        reasons = [each.reason for each in await world.control.why_pending(job.id)]
        if "register_within: 5 s" in reasons[0]:
            break
    assert "it did not come in time (register_within: 5 s)" in reasons[0]


async def test_a_worker_that_never_registers_is_destroyed_and_replaced(world: World) -> None:
    world.agents_come = False
    await world.add_provider()
    await world.submit()
    await world.settle()
    [first] = await world.live()
    await world.pass_time(timedelta(minutes=5, seconds=10))
    assert (await world.worker(first.id)).state is WorkerState.TERMINATED
    assert first.id not in world.provider.made
    [second] = world.provider.made
    assert second != first.id


async def test_an_outage_of_the_store_during_a_create_is_got_over(world: World) -> None:
    await world.add_provider()
    await world.submit()
    await world.control.engine.leader.step()
    world.store.fail_commits(1)
    await world.control.engine.deeds.settled()
    await world.pass_time(timedelta(seconds=5))
    assert len(world.provider.made) == 1


async def test_warm_workers_are_kept(world: World) -> None:
    await configure(world, min_idle=2)
    await world.add_provider()
    await world.settle()
    assert len(world.provider.made) == 2
    await world.submit()
    await world.settle()
    assert len(world.provider.made) == 3


async def test_without_provisioning_nothing_is_made() -> None:
    world = World(policy=Policy(provisioning=False))
    await world.add_provider()
    await world.submit()
    await world.settle()
    assert world.provider.made == {}
    await world.control.stop()


async def test_a_provider_that_cannot_serve_a_class_is_not_asked_and_says_why(world: World) -> None:
    await world.add_provider(capabilities=Capabilities(images=False))
    job = await world.submit(image="alpine:3")
    await world.settle()
    assert world.provider.calls == []
    reasons = [r.reason for r in await world.control.why_pending(job.id)]
    assert reasons[1] == "runs no images"


async def test_each_round_that_makes_workers_is_told_once(world: World) -> None:
    provider = await world.add_provider()
    for _ in range(3):
        await world.submit()
    await world.settle()
    assert (await world.events(provider.id)).count("AutoScalingTriggered") == 1


async def test_the_depth_of_the_queue_is_told_when_it_changes_and_not_too_often(world: World) -> None:
    for _ in range(40):
        await world.submit()
        await world.pass_time(timedelta(seconds=1))
    told = (await world.events()).count("JobQueueDepthChanged")
    assert 2 <= told <= 5
    await world.pass_time(timedelta(seconds=60))
    quiet = (await world.events()).count("JobQueueDepthChanged")
    assert quiet <= told + 1


async def test_a_provider_that_is_gone_when_its_worker_is_to_be_made_is_no_end_of_the_loop(
    world: World,
) -> None:
    await world.add_provider()
    await world.submit()
    leader = world.control.engine.leader
    await leader.step()
    world.control.engine.landscape.learn([])
    await world.control.engine.deeds.settled()
    [worker] = await world.live()
    assert worker.state is WorkerState.TERMINATING


async def test_a_worker_that_is_not_wanted_any_more_is_not_made(world: World) -> None:
    await world.add_provider()
    await world.submit()
    await world.control.engine.leader.step()
    [worker] = await world.live()
    await world.control.terminate_worker(worker.id)
    await world.control.engine.deeds.settled()
    assert world.provider.made == {}


async def test_a_finished_class_is_given_up_for_all_of_its_jobs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_application.scheduling.creator.GIVEN_UP_AT_ONCE", 2)
    await world.add_provider(max_workers=1)
    jobs = [await world.submit(image="nope:1") for _ in range(5)]
    world.provider.failures = [WorkerNotCreated("no such image", reason="image-pull", final=True)]
    await world.settle()
    assert {(await world.job(job.id)).state for job in jobs} == {JobState.FAILED}
    assert DemandClass(image="nope:1").key == jobs[0].demand.key


async def test_success_after_failure_makes_the_provider_healthy_again(world: World) -> None:
    provider = await world.add_provider()
    world.provider.failures = [ProviderUnavailable("hiccup")]
    await world.submit()
    await world.pass_time(timedelta(seconds=10))
    healthy = (await world.control.get_provider(provider.id)).provider
    assert (healthy.status, healthy.failures) == (ProviderStatus.ACTIVE, 0)


async def test_the_loop_survives_a_store_that_is_away(world: World) -> None:
    await world.add_provider()
    await world.submit()
    world.store.fail_commits(1)
    with pytest.raises(StoreUnavailable):
        await world.control.engine.leader.step()
    assert world.provider.calls == []
    await world.settle()
    assert len(world.provider.made) == 1


async def test_only_jobs_that_want_this_image_fetched_this_way_end_with_it(world: World) -> None:
    await world.add_provider()
    world.provider.failures = [
        WorkerNotCreated("no such image here", reason="image-pull", final=True),
        WorkerNotCreated("try later"),
        WorkerNotCreated("try later"),
    ]
    never = await world.submit(image="nope:1", pull=PullPolicy.NEVER)
    usual = await world.submit(image="nope:1")
    other = await world.submit(image="fine:1")
    await world.settle()
    assert (await world.job(never.id)).state is JobState.FAILED
    assert {(await world.job(job.id)).state for job in (usual, other)} == {JobState.PENDING}


async def test_a_warm_pool_of_an_image_that_cannot_be_had_is_tried_ever_more_seldom(world: World) -> None:
    pool = Pool(image="nope:1", rules=PoolRules(min_idle=1))
    await world.add_provider(pools=(pool,))
    world.provider.failures = [WorkerNotCreated("unknown", reason="image-pull", final=True)] * 500
    await world.pass_time(timedelta(minutes=2))
    assert 4 <= len(world.provider.calls) <= 10
    job = await world.submit(image="nope:1")
    await world.settle()
    assert (await world.job(job.id)).state is JobState.FAILED, "at once all the same"
    world.provider.failures = []
    await world.pass_time(timedelta(minutes=3))
    assert len(world.provider.made) == 1


async def test_a_registry_that_is_away_says_nothing_of_the_provider(world: World) -> None:
    provider = await world.add_provider()
    world.provider.failures = [WorkerNotCreated("no route to the registry")] * 5
    await world.submit(image="far:1")
    await world.pass_time(timedelta(seconds=20))
    found = (await world.control.get_provider(provider.id)).provider
    assert (found.status, found.failures) == (ProviderStatus.ACTIVE, 0)


async def test_a_pull_may_take_longer_than_a_worker_has_to_register(world: World) -> None:
    pulled = asyncio.Event()

    async def pull(spec: WorkerSpec) -> None:
        await pulled.wait()

    world.provider.on_prepare = pull
    await world.add_provider()
    job = await world.submit()
    await world.control.engine.leader.step()
    for _ in range(20):  # minutes
        world.clock.advance(timedelta(minutes=1))
        await world.control.engine.leader.step()
    [worker] = await world.live()
    assert worker.state is WorkerState.CREATING
    world.provider.on_prepare = None
    pulled.set()
    await world.settle()
    assert [made for what, made in world.provider.calls if what == "create"] == [worker.id]
    assert (await world.job(job.id)).worker_id == worker.id


async def test_a_worker_has_its_time_to_register_from_when_it_was_made(world: World) -> None:
    world.agents_come = False
    await world.add_provider()
    await world.submit()
    await world.control.engine.leader.step()
    await world.control.engine.deeds.settled()
    [worker] = await world.live()
    assert worker.state is WorkerState.CONNECTING
    within = world.control.engine.config.now.register_within
    assert worker.register_by == world.clock() + within
