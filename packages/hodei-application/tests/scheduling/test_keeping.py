"""Two machines on one store, each with an engine that only its own replica reaches."""

from datetime import timedelta

import pytest
from attrs import define, evolve, field
from hodei_application.control_plane import ControlPlane
from hodei_application.providers.register_provider import NewProvider
from hodei_application.testing import World
from hodei_application.testing.agent import ScriptedAgent
from hodei_domain.jobs.job import JobState
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.providers.errors import WorkerNotCreated
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.provider import Provider, ProviderStatus, ProviderType
from hodei_domain.providers.records import Presence, PresenceState
from hodei_domain.testing.fakes import ScriptedProvider
from hodei_domain.workers.spec import WorkerSpec
from hodei_domain.workers.worker import WorkerState

SECOND = timedelta(seconds=1)


@define(eq=False, repr=False)
class Machine:
    """A replica and the engine beside it, with the agents that run there."""

    world: World
    name: str
    engine: ScriptedProvider = field(init=False)
    control: ControlPlane = field(init=False)
    agents: dict[WorkerId, ScriptedAgent] = field(factory=dict, init=False)
    runs: bool = field(default=True, init=False)

    def __attrs_post_init__(self) -> None:
        self.engine = ScriptedProvider(name=self.name, now=self.world.clock, on_create=self._made)

    async def _made(self, spec: WorkerSpec, otp: str) -> None:
        agent = ScriptedAgent(self.control, spec.worker_id, self.world.clock())
        self.agents[spec.worker_id] = agent
        await agent.register(otp)
        await agent.connect()

    async def round(self) -> None:
        """One turn of its loops; agents are heard."""
        engine = self.control.engine
        for agent in self.agents.values():
            if agent.link.closed is None:
                self.control.heartbeat(agent.link)
        await engine.intake.settled()
        await engine.flush()
        await engine.dispatcher.step()
        await engine.leader.step()
        await engine.deeds.settled()


@define(eq=False, repr=False)
class Pair:
    """Both of them; the first one leads."""

    world: World
    first: Machine
    second: Machine

    async def pass_time(self, duration: timedelta) -> None:
        """Rounds of all machines that run, four each second; hints reach the others at once."""
        until = self.world.clock() + duration
        while self.world.clock() < until:
            self.world.clock.advance(SECOND / 4)
            for machine in (self.first, self.second):
                if machine.runs:
                    await machine.round()
                    self._pass_hints(machine)

    def _pass_hints(self, by: Machine) -> None:
        hints, self.world.hints[:] = list(self.world.hints), []
        for machine in (self.first, self.second):
            for kind in hints:
                if machine is not by and machine.runs:
                    machine.control.hinted(kind)

    async def provider(self, machine: Machine) -> Provider:
        async with self.world.store.begin() as tx:
            found = await tx.providers.by_name(machine.name)
        assert found is not None
        return found


@pytest.fixture
async def pair(world: World) -> Pair:
    machines = {name: Machine(world, name) for name in ("first", "second")}

    def seen_from(here: str) -> object:
        def plugin(provider: Provider) -> ProviderPlugin | None:
            if provider.name not in machines:
                return None
            theirs = machines[provider.name].engine.plugin
            return theirs if provider.name == here else evolve(theirs, reachable=False)

        return plugin

    for name, machine in machines.items():
        machine.control = world.replica(name, plugins=seen_from(name))  # type: ignore[arg-type]
        await machine.control.register_provider(
            NewProvider(name=name, type=ProviderType.TEST, config={"host": name}, max_workers=2)
        )
    world.control = machines["first"].control
    pair = Pair(world, machines["first"], machines["second"])
    await pair.pass_time(SECOND)
    return pair


async def test_each_machine_makes_and_destroys_its_own_workers(pair: Pair) -> None:
    for _ in range(4):
        await pair.world.submit()
    await pair.pass_time(4 * SECOND)
    assert len(pair.first.engine.made) == len(pair.second.engine.made) == 2
    assert pair.first.control.engine.leader.leadership.epoch is not None
    assert pair.second.control.engine.leader.leadership.epoch is None
    for machine in (pair.first, pair.second):
        for agent in machine.agents.values():
            await agent.start(agent.jobs[-1])
            await agent.finish(agent.jobs[-1])
            await pair.first.control.drain_worker(agent.worker_id)
    await pair.pass_time(4 * SECOND)
    assert not pair.first.engine.made
    assert not pair.second.engine.made
    assert await pair.world.live() == []


async def test_only_its_own_machine_looks_after_a_worker(pair: Pair) -> None:
    for _ in range(4):
        await pair.world.submit()
    await pair.pass_time(4 * SECOND)
    (gone, other) = pair.second.agents.values()
    await gone.disconnect()
    await other.disconnect()
    pair.second.engine.see(gone.worker_id, Presence(state=PresenceState.ABSENT))
    await pair.pass_time(6 * SECOND)
    assert (await pair.world.worker(gone.worker_id)).is_over
    assert (await pair.world.worker(other.worker_id)).state is WorkerState.BUSY
    assert all(id in pair.first.agents for _, id in pair.first.engine.calls)


async def test_what_a_dead_machine_ran_runs_elsewhere_and_it_is_said_why_it_has_no_workers(
    pair: Pair,
) -> None:
    for _ in range(3):
        await pair.world.submit()
    await pair.pass_time(4 * SECOND)
    (lost,) = pair.second.agents.values()
    job = lost.jobs[-1]
    for agent in pair.first.agents.values():
        await agent.start(agent.jobs[-1])
        await agent.finish(agent.jobs[-1])
    pair.second.runs = False
    await lost.disconnect()
    await pair.pass_time(timedelta(seconds=100))
    assert (await pair.world.job(job.id)).attempt == 2
    assert any(job.id in [j.id for j in agent.jobs] for agent in pair.first.agents.values())
    provider = await pair.provider(pair.second)
    assert provider.status is ProviderStatus.UNHEALTHY
    assert provider.health_message == "no server on second, which has it, runs, or it is switched off there"
    assert (await pair.world.worker(lost.worker_id)).state is WorkerState.TERMINATING
    await pair.pass_time(timedelta(minutes=5))
    assert (await pair.world.worker(lost.worker_id)).is_over
    assert lost.worker_id in pair.second.engine.made, "nobody could destroy it"

    pair.second.runs = True
    await pair.pass_time(timedelta(seconds=20))
    assert lost.worker_id not in pair.second.engine.made
    assert (await pair.provider(pair.second)).status is ProviderStatus.ACTIVE
    assert all(id in pair.first.agents for _, id in pair.first.engine.calls)


async def test_an_intent_for_a_machine_that_died_is_taken_back(pair: Pair) -> None:
    for _ in range(2):
        await pair.world.submit()
    await pair.pass_time(2 * SECOND)
    pair.second.runs = False
    job = await pair.world.submit()
    await pair.pass_time(2 * SECOND)
    (worker,) = [w for w in await pair.world.live() if w.state is WorkerState.CREATING]
    await pair.pass_time(timedelta(seconds=60))
    assert (await pair.world.worker(worker.id)).state is WorkerState.TERMINATING
    for agent in pair.first.agents.values():
        await agent.start(agent.jobs[-1])
        await agent.finish(agent.jobs[-1])
    await pair.pass_time(2 * SECOND)
    assert (await pair.world.job(job.id)).state is JobState.SCHEDULED


async def test_a_start_that_fails_elsewhere_is_not_tried_again_at_once(pair: Pair) -> None:
    await pair.first.control.disable_provider("first")
    pair.second.engine.failures = [WorkerNotCreated("no") for _ in range(1000)]
    await pair.world.submit()
    await pair.pass_time(timedelta(seconds=20))
    assert 2 <= sum(what == "create" for what, _ in pair.second.engine.calls) <= 6


async def test_nobody_asks_from_afar_how_a_provider_does(pair: Pair) -> None:
    pair.second.engine.outage = "down"
    await pair.pass_time(timedelta(seconds=70))
    health = await pair.first.control.provider_health("second")
    assert (health.healthy, health.message) == (False, "down")
    failures = (await pair.provider(pair.second)).failures
    await pair.first.control.provider_health("second")
    assert (await pair.provider(pair.second)).failures == failures


async def test_garbage_is_collected_where_it_is(pair: Pair) -> None:
    await pair.world.submit()
    await pair.pass_time(2 * SECOND)
    for machine in (pair.first, pair.second):
        garbage = await machine.control.collect_garbage()
        assert garbage.orphans == ()
        assert [name for name, _ in garbage.unreached] == []
    assert len(pair.first.engine.made) == 1


async def test_a_server_that_goes_down_leaves_the_workers_of_others_alone(pair: Pair) -> None:
    for _ in range(3):
        await pair.world.submit()
    await pair.pass_time(4 * SECOND)
    await pair.first.control.destroy_workers(busy=True)
    assert not pair.first.engine.made
    assert len(pair.second.engine.made) == 1
    (worker,) = await pair.world.live()
    assert worker.id in pair.second.agents


async def test_a_keeper_that_is_known_to_be_dead_is_followed_at_once(world: World) -> None:
    provider = await world.add_provider()
    await world.settle()
    other = world.replica("two")
    await other.start()
    await other.stop()  # it has looked
    await other.engine.leader.step()
    assert not other.engine.landscape.keeps(provider.id)
    world.dead.add("one")
    world.clock.advance(6 * SECOND)
    await other.engine.leader.step()
    assert other.engine.landscape.keeps(provider.id)
