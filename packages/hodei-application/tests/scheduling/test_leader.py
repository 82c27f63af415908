"""Who leads, how often the store is asked, and what other replicas see."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from hodei_application.control_plane import ControlPlane, Outside, Policy, build
from hodei_application.jobs.submit_job import Submission
from hodei_application.outage import Outage
from hodei_application.ports import nobody_has_died
from hodei_application.providers.register_provider import NewProvider
from hodei_application.scheduling.leadership import Leadership
from hodei_application.store_clock import StoreClock
from hodei_application.testing import World
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import Clocks, JobSpec, Shell
from hodei_domain.kernel.errors import StoreTakesNoWrites
from hodei_domain.providers.provider import ProviderType
from hodei_domain.workers.worker import WorkerState


class Counting:
    """A unit of work that counts the questions asked through it."""

    def __init__(self, world: World) -> None:
        self.begin_real = world.store.begin
        self.questions: Counter[str] = Counter()
        self.transactions = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        self.transactions += 1
        async with self.begin_real() as tx:
            yield _CountingStores(tx, self.questions)


class _CountingStores:
    def __init__(self, tx: Any, questions: Counter[str]) -> None:
        self._tx, self._questions = tx, questions

    def __getattr__(self, store: str) -> Any:
        return _CountingStore(getattr(self._tx, store), store, self._questions)


class _CountingStore:
    def __init__(self, store: Any, name: str, questions: Counter[str]) -> None:
        self._store, self._name, self._questions = store, name, questions

    def __getattr__(self, method: str) -> Any:
        self._questions[f"{self._name}.{method}"] += 1
        return getattr(self._store, method)


@pytest.fixture
def virtual_time() -> Iterator[asyncio.Runner]:
    """A runner of event loops that jump to the next timer instead of waiting for it."""
    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        yield runner


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        select = self._selector.select

        def jump(timeout: float | None = None) -> Any:
            if timeout:
                self._now += timeout
            return select(0)

        self._selector.select = jump  # type: ignore[method-assign]

    def time(self) -> float:
        return self._now


@pytest.mark.parametrize("idle_workers", [0, 3])
def test_an_idle_control_plane_asks_the_store_less_than_twice_a_second(
    virtual_time: asyncio.Runner, idle_workers: int
) -> None:
    async def idle() -> tuple[Counting, float]:
        world = World()
        loop = asyncio.get_running_loop()
        started_at = world.clock()
        counting = Counting(world)

        def now() -> datetime:
            return started_at + timedelta(seconds=loop.time())

        world.store.tables.now = now
        control = _replica(world, counting, now, loop)
        world.control = control
        await world.add_provider()
        agents = [await world.add_worker() for _ in range(idle_workers)]
        await control.start()
        await asyncio.sleep(120)  # virtual: everything that begins has begun
        counting.questions.clear()
        begun = loop.time()
        beats = asyncio.create_task(_beat(control, agents))
        await asyncio.sleep(600)
        elapsed = loop.time() - begun
        beats.cancel()
        await control.stop()
        return counting, elapsed

    counting, elapsed = virtual_time.run(idle())
    rate = counting.questions.total() / elapsed
    assert rate <= 2.0, str(counting.questions.most_common())
    if not idle_workers:
        assert rate <= 1.0


async def _beat(control: ControlPlane, agents: list[Any]) -> None:
    while True:
        for agent in agents:
            control.heartbeat(agent.link)
        await asyncio.sleep(5)


def _replica(world: World, counting: Counting, now: Any, loop: Any) -> ControlPlane:
    return build(
        Outside(
            begin=counting.begin,
            now=now,
            new_id=world.ids,
            secrets=world.secrets,
            plugins=world._plugin,
            server_address="here:1",
            jitter=lambda: 0.5,
            monotonic=loop.time,
            replica="counted",
        ),
        Policy(),
    )


async def test_of_two_replicas_one_leads(world: World) -> None:
    await world.add_provider(max_workers=10)
    other = world.replica("two")
    await world.control.engine.leader.step()
    await world.submit()
    await other.engine.leader.step()
    assert other.engine.leader.leadership.epoch is None
    assert await world.live() == []
    await world.settle()
    assert len(await world.live()) == 1


async def test_a_leader_that_stops_is_followed_at_once(world: World) -> None:
    await world.control.engine.leader.step()
    other = world.replica("two")
    await world.control.stop()
    await other.engine.leader.step()
    assert other.engine.leader.leadership.epoch is not None


async def test_a_leader_that_dies_is_followed_when_its_lease_has_run_out(world: World) -> None:
    await world.control.engine.leader.step()
    other = world.replica("two")
    await other.engine.leader.step()
    assert other.engine.leader.leadership.epoch is None
    world.clock.advance(timedelta(seconds=25))
    await other.engine.leader.step()
    assert other.engine.leader.leadership.epoch == 2
    world.clock.advance(timedelta(seconds=11))
    await world.control.engine.leader.step()
    assert world.control.engine.leader.leadership.epoch is None


async def test_nobody_waits_for_the_lease_of_a_leader_that_is_known_to_be_dead(world: World) -> None:
    await world.control.engine.leader.step()
    world.dead.add("one")
    other = world.replica("two")
    await other.engine.leader.step()
    assert other.engine.leader.leadership.epoch == 2
    world.clock.advance(timedelta(seconds=11))
    await world.control.engine.leader.step()  # it was wrong: then it loses, and changes nothing
    assert world.control.engine.leader.leadership.epoch is None


async def test_silence_is_not_judged_right_after_an_outage(world: World) -> None:
    outage, unheard_at = Outage(), float("-inf")
    clock = StoreClock(world.clock, world.monotonic)
    leadership = Leadership(
        holder="one",
        monotonic=world.monotonic,
        outage=outage,
        clock=clock,
        lease=timedelta(seconds=45),
        has_died=nobody_has_died,
        unheard_at=lambda: unheard_at,
    )
    async with world.store.begin() as tx:
        await leadership.renew(tx)
    assert leadership.may_judge is False
    world.clock.advance(timedelta(seconds=31))
    assert leadership.may_judge is True
    outage.ended_at = world.monotonic()
    assert leadership.may_judge is False
    world.clock.advance(timedelta(seconds=31))
    assert leadership.may_judge is True
    clock.set_at = world.monotonic()
    world.clock.advance(timedelta(seconds=31))
    assert leadership.may_judge is False
    world.clock.advance(timedelta(seconds=14))
    assert leadership.may_judge is True
    outage.failed(StoreTakesNoWrites("its disk is full"))  # a round may go well all the same
    assert leadership.may_judge is False
    outage.worked()
    assert leadership.may_judge is False
    outage._since = None
    assert leadership.may_judge is True
    unheard_at = world.monotonic()
    assert leadership.may_judge is False


async def test_a_deadline_wakes_the_leader_in_time(world: World) -> None:
    await world.pass_time(timedelta(seconds=60))
    await world.submit(clocks=Clocks(queue=timedelta(milliseconds=1500)))
    pause = await world.control.engine.leader.step()
    assert pause is not None
    assert pause <= timedelta(milliseconds=1500)


async def test_a_cancel_that_nobody_confirms_wakes_the_leader_in_time(world: World) -> None:
    await world.add_worker()
    job = await world.submit(clocks=Clocks(grace=timedelta(seconds=1)))
    await world.settle()
    world.control.engine.leader._deadline = None
    await world.control.cancel_job(job.id)
    assert world.control.engine.leader._deadline == world.clock() + timedelta(seconds=6)


async def test_a_job_without_deadlines_does_not_wake_the_leader(world: World) -> None:
    await world.settle()
    world.control.engine.leader._deadline = None
    await world.submit(clocks=Clocks(execution=timedelta(seconds=1)))
    assert world.control.engine.leader._deadline is None
    job = await world.submit(clocks=Clocks(queue=timedelta(seconds=1)))
    await world.control.cancel_job(job.id)
    deadline = world.control.engine.leader._deadline
    await world.submit(clocks=Clocks(queue=timedelta(seconds=9)))
    assert world.control.engine.leader._deadline == deadline


async def test_settings_that_another_replica_wrote_are_followed(world: World) -> None:
    other = world.replica("two")
    await other.configure_scheduler(evolve(await other.scheduler_config(), min_idle=1))
    provider = await other.register_provider(_new_provider())
    await world.pass_time(timedelta(seconds=45))
    assert world.control.engine.config.now.min_idle == 1
    assert world.control.engine.landscape.provider(provider.id) is not None
    assert len(world.provider.made) == 1


def _new_provider() -> Any:
    return NewProvider(name="late", type=ProviderType.TEST)


async def test_a_storm_of_wake_ups_makes_no_storm_of_rounds(world: World) -> None:
    await world.submit(image="nobody:serves")
    await world.settle()
    before = world.store.commits
    for _ in range(100):
        world.control.engine.signals.demand()
        await world.control.engine.leader.step()
    assert world.store.commits == before


async def test_a_round_that_took_long_does_not_put_off_the_next_for_minutes(world: World) -> None:
    @asynccontextmanager
    async def slow() -> AsyncIterator[Any]:
        async with world.store.begin() as tx:
            yield tx
        world.clock.advance(timedelta(seconds=30))

    leader = world.replica("one", slow).engine.leader
    await leader.step()
    job = await world.submit(clocks=Clocks(total=timedelta(seconds=1)))
    world.clock.advance(timedelta(seconds=6))
    await leader.step()
    assert (await world.job(job.id)).state is JobState.TIMEOUT


async def test_a_class_that_was_tried_in_vain_does_not_hold_up_another(world: World) -> None:
    await world.add_provider(max_workers=5)
    await world.submit(image="a:1", provider="scripted", region="")
    world.provider.refusals[(await world.submit(image="refused:1")).demand.key] = "no such thing here"
    await world.settle()
    fine = await world.submit(image="b:1")
    await world.control.engine.dispatcher.step()
    world.clock.advance(timedelta(milliseconds=60))
    await world.control.engine.leader.step()
    await world.control.engine.deeds.settled()
    await world.control.engine.dispatcher.step()
    assert (await world.job(fine.id)).state is JobState.SCHEDULED


async def test_workers_that_are_to_go_are_destroyed_again_and_again_until_the_provider_confirms(
    world: World,
) -> None:
    await world.add_provider()
    await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0])
    world.provider.outage = "away"
    await world.control.terminate_worker(agent.worker_id)
    await world.pass_time(timedelta(seconds=30))
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATING
    tries = [call for call in world.provider.calls if call == ("destroy", agent.worker_id)]
    assert 3 <= len(tries) <= 8
    world.provider.outage = ""
    await world.pass_time(timedelta(seconds=60))
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED


async def test_a_workers_place_is_kept_until_its_end_is_confirmed(world: World) -> None:
    await world.add_provider(max_workers=1)
    await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0])
    world.provider.outage = "away"
    await world.control.terminate_worker(agent.worker_id)
    await world.submit()
    await world.pass_time(timedelta(seconds=5))
    assert [call for call, _ in world.provider.calls].count("create") == 1


async def test_a_worker_whose_provider_is_not_served_here_stays_until_it_is(
    world: World,
) -> None:
    await world.add_provider()
    await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0])
    await world.control.terminate_worker(agent.worker_id)
    worker = await world.worker(agent.worker_id)
    destroyer, landscape = world.control.engine.destroyer, world.control.engine.landscape
    providers = list(landscape)
    landscape.learn([])
    await destroyer.destroy(worker)
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATING
    landscape.learn(providers)
    await world.pass_time(timedelta(seconds=10))
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED


async def test_a_plugins_bug_does_not_end_the_destroying(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.add_provider()
    await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0])

    async def bug(worker_id: Any) -> None:
        raise RuntimeError("bug")

    world.provider.on_destroy = bug
    await world.control.terminate_worker(agent.worker_id)
    await world.settle()
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATING
    world.provider.on_destroy = None
    await world.pass_time(timedelta(seconds=10))
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED


@pytest.mark.parametrize(("durations", "pause"), [((0.3,), 0.05), ((0.3, 0.2), 2.0), ((0.01, 0.4), 0.1)])
async def test_rounds_that_are_slow_come_more_seldom_and_a_single_slow_one_delays_nothing(
    world: World, durations: tuple[float, ...], pause: float
) -> None:
    left = list(durations)

    @asynccontextmanager
    async def slow() -> AsyncIterator[Any]:
        async with world.store.begin() as tx:
            yield tx
            world.clock.advance(timedelta(seconds=left.pop(0) if left else 0))

    leader = world.replica("slow", slow).engine.leader
    leader._settings_at, leader.signals.wants_settings = float("inf"), False
    for _ in durations:
        leader._may_run_at = float("-inf")
        leader.signals.room()
        await leader.step()
    await world.submit()
    leader.signals.room()
    assert await leader.step() == pytest.approx(timedelta(seconds=pause), abs=timedelta(milliseconds=1))


async def test_a_cancel_asked_at_another_replica_ends_as_soon_as_one_asked_here(
    world: World,
) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, clocks=Clocks(grace=timedelta(seconds=1)))
    other = world.replica("two")
    world.hints.clear()
    await other.cancel_job(job.id)
    for kind in world.hints:
        world.control.hinted(kind)
    await world.pass_time(timedelta(seconds=7))
    assert (await world.job(job.id)).state is JobState.CANCELLED


async def test_a_short_clock_that_began_at_another_replica_ends_the_job_in_time(world: World) -> None:
    await world.settle()
    other = world.replica("two")
    world.hints.clear()
    wanted = JobSpec(command=Shell("true"), clocks=Clocks(queue=timedelta(seconds=2)))
    job = (await other.submit_job(Submission(spec=wanted))).job
    for kind in world.hints:
        world.control.hinted(kind)
    await world.pass_time(timedelta(seconds=3))
    assert (await world.job(job.id)).state is JobState.TIMEOUT


async def test_who_changed_the_scheduler_and_what_is_told(world: World) -> None:
    before = await world.control.scheduler_config()
    await world.control.configure_scheduler(evolve(before, min_idle=1), by="ana")
    await world.control.configure_scheduler(evolve(before, min_idle=1), by="ana")  # changes nothing
    [told] = [r for r in world.store.tables.audit.rows.values() if r.event_type == "SchedulerConfigured"]
    assert (told.actor, told.correlation_id) == ("ana", "scheduler")
    assert told.payload == {"min_idle": {"before": 0, "now": 1}}


async def test_what_the_platform_does_by_itself_has_the_system_as_its_actor(world: World) -> None:
    await world.add_provider()
    job = await world.submit()
    await world.settle()
    actors = {r.event_type: r.actor for r in world.store.tables.audit.rows.values()}
    assert actors["WorkerProvisioned"] == actors["JobAssigned"] == actors["AutoScalingTriggered"] == "system"
    assert actors["JobCreated"] is None  # somebody without a name
    await world.control.cancel_job(job.id, by="ana")
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0], JobResult(reason=Reason.CANCELLED))
    actors = {r.event_type: r.actor for r in world.store.tables.audit.rows.values()}
    assert (actors["JobCancelRequested"], actors["JobCancelled"]) == ("ana", "ana")
