import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from attrs import evolve
from hodei_application.control_plane import Policy
from hodei_application.providers.register_provider import NewProvider
from hodei_application.scheduling.janitor import Garbage
from hodei_application.scheduling.retention import Terms
from hodei_application.testing import World
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.spec import Priority
from hodei_domain.kernel.demand import ANY
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.providers.errors import ProviderUnavailable
from hodei_domain.providers.provider import ProviderType
from hodei_domain.providers.records import Presence, PresenceState
from hodei_domain.scheduling.surplus import GivenUp
from hodei_domain.testing.fakes.provider import Made
from hodei_domain.workers.spec import WorkerSpec
from hodei_domain.workers.worker import Worker, WorkerState

MINUTE = timedelta(minutes=1)


def stray(world: World, database: str = "", expires_at: datetime | None = None) -> WorkerId:
    """A worker at the provider that no row knows."""
    id = WorkerId(world.ids())
    spec = WorkerSpec(
        worker_id=id,
        provider_id=ProviderId(world.ids()),
        demand=ANY,
        server_address="x:1",
        otp_ttl=MINUTE,
        database=database,
        expires_at=expires_at,
    )
    world.provider.made[id] = Made(spec=spec, otp="secret", made_at=world.clock())
    return id


async def left(world: World) -> WorkerId:
    """A worker that is over in our books."""
    id = stray(world)
    async with world.store.begin() as tx:
        change = Worker.provision(id, at=world.clock())
        await tx.workers.save([change])
        await tx.workers.save([change.after.ended(at=world.clock())])
    return id


async def identity(world: World) -> str:
    """Of the database."""
    async with world.store.begin() as tx:
        await world.control.engine.identity.learn(tx)
    return world.control.engine.identity.id


async def clean(world: World) -> None:
    """A slow round through all providers."""
    engine = world.control.engine
    await engine.leader.keeper.janitor.clean(list(engine.landscape), everything=True)


async def test_what_exists_and_nobody_knows_is_destroyed(world: World) -> None:
    await world.add_provider()
    orphan = stray(world)
    await world.pass_time(17 * MINUTE)
    assert orphan not in world.provider.made


async def test_what_is_newer_than_a_restored_backup_is_left_for_a_quarter_of_an_hour(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.add_provider()
    newer = stray(world, await identity(world))
    await world.pass_time(14 * MINUTE)
    assert newer in world.provider.made
    [told] = [r.getMessage() for r in caplog.records if "alone" in r.getMessage()]
    assert told == f"Leaving worker {newer} of scripted alone: nobody knows it, for 15 more minutes"
    await world.pass_time(3 * MINUTE)
    assert newer not in world.provider.made


async def test_what_belongs_to_another_database_is_left_alone(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.add_provider()
    other = stray(world, "0ther", world.clock() + 5 * MINUTE)
    await world.pass_time(20 * MINUTE)
    [found] = (await world.control.collect_garbage()).orphans
    assert (found.foreign, found.why) == (True, "it belongs to another database, 0ther")
    assert other in world.provider.made
    assert [r.getMessage() for r in caplog.records if "alone" in r.getMessage()] == [
        f"Leaving worker {other} of scripted alone: it belongs to another database, 0ther"
    ]
    made = world.provider.made[other]
    world.provider.made[other] = evolve(made, presence=Presence(state=PresenceState.EXITED))
    await world.pass_time(2 * MINUTE)
    assert other not in world.provider.made, "it has ended, and it is past its time"


async def test_workers_say_to_which_database_they_belong(world: World) -> None:
    known = await identity(world)
    await world.add_provider()
    await world.submit()
    await world.settle()
    [found] = await world.provider.list_workers()
    assert found.database == known
    again = world.replica("two")
    await again.start()
    assert again.engine.identity.id == known
    await again.stop()


async def test_a_dry_run_names_orphans_and_touches_nothing(world: World) -> None:
    await world.add_provider()
    orphan = stray(world)
    [found] = (await world.control.collect_garbage(dry_run=True)).orphans
    assert (found.provider, found.worker.worker_id, found.why) == (
        "scripted",
        orphan,
        "nobody knows it, for 15 more minutes",
    )
    assert orphan in world.provider.made
    await world.control.collect_garbage()
    assert orphan not in world.provider.made
    assert await world.control.collect_garbage() == Garbage(orphans=())


async def test_a_worker_that_has_ended_in_our_books_is_destroyed_if_it_still_exists(world: World) -> None:
    await world.add_provider()
    await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0])
    made = world.provider.made[agent.worker_id]
    await world.control.terminate_worker(agent.worker_id)
    await world.settle()
    world.provider.made[agent.worker_id] = made  # it came back from the dead
    [found] = (await world.control.collect_garbage(dry_run=True)).orphans
    assert found.why == "it has ended"


async def test_our_living_workers_are_never_touched(world: World) -> None:
    await world.add_provider()
    await world.submit()
    await world.settle()
    await world.control.collect_garbage()
    await world.pass_time(3 * MINUTE)
    assert len(world.provider.made) == 1


async def test_what_should_exist_and_does_not_is_lost(world: World) -> None:
    await world.add_provider()
    job = await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.start(agent.jobs[0])
    await world.pass_time(MINUTE)
    engine = world.control.engine
    engine.connected.remove(agent.link)
    async with world.store.begin() as tx:
        [worker] = (await tx.workers.lock([agent.worker_id])).values()
        await tx.workers.save([worker.disconnect(at=world.clock())])
    world.clock.advance(MINUTE)
    del world.provider.made[agent.worker_id]
    [provider] = engine.landscape
    plugin = engine.landscape.plugin(provider.id)
    assert plugin is not None
    await engine.inventory.sweep(provider, plugin)
    assert (await world.job(job.id)).losses == 1


async def test_old_records_go_and_young_ones_stay() -> None:
    world = World(policy=Policy(retention=Terms(logs=timedelta(days=7))))
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.write(job, b"old\n")
    await agent.finish(job)
    assert "JobCreated" in await world.events()
    world.clock.advance(timedelta(days=91))
    await world.submit()
    await clean(world)
    assert await world.events(job.id) == []
    assert "JobCreated" in await world.events()
    async with world.store.begin() as tx:
        [mark] = await tx.logs.read(job.id, 0, 10)
    assert (mark.removed, mark.gap_bytes, mark.data) == (True, 4, b"")
    await world.control.stop()


async def test_pruning_goes_on_until_all_is_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hodei_application.scheduling.retention.ROWS_AT_ONCE", 2)
    for _ in range(5):
        await world.submit()
    world.clock.advance(timedelta(days=91))
    await clean(world)
    assert await world.events() == []


async def test_what_waits_for_long_is_raised(world: World) -> None:
    job = await world.submit(priority=Priority.LOW)
    world.clock.advance(timedelta(minutes=11))
    await clean(world)
    fresh = await world.submit(priority=Priority.LOW)
    async with world.store.begin() as tx:
        claimed = await tx.queue.claim([job.demand.key], 1)
    assert [j.id for j in claimed] == [job.id]
    assert fresh.spec.priority is job.spec.priority


async def test_a_provider_that_cannot_be_inspected_is_complained_of_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.add_provider()
    world.provider.outage = "down"
    for _ in range(3):
        await clean(world)
    assert sum("cannot be inspected" in record.getMessage() for record in caplog.records) == 1
    world.provider.outage = ""
    await clean(world)
    world.provider.outage = "down"
    await clean(world)
    assert sum("cannot be inspected" in record.getMessage() for record in caplog.records) == 2


async def test_providers_without_a_plugin_or_disabled_ones_are_not_probed(world: World) -> None:
    await world.control.register_provider(NewProvider(name="elsewhere", type=ProviderType.DOCKER))
    provider = await world.add_provider()
    await world.control.disable_provider(provider.id)
    world.provider.outage = "down"
    await clean(world)
    assert (await world.control.get_provider(provider.id)).provider.failures == 0


async def test_sightings_of_the_engine_are_told_to_whoever_asks_why_a_job_waits(world: World) -> None:
    world.agents_come = False
    await world.add_provider()
    job = await world.submit(image="alpine:3")
    await world.settle()
    [id] = world.provider.made
    sightings = world.control.engine.sightings
    pulling = Presence(state=PresenceState.STARTING)
    sightings._see(id, pulling, "pulling alpine:3")
    assert [r.reason for r in await world.control.why_pending(job.id)] == ["pulling alpine:3"]
    sightings._see(id, Presence(state=PresenceState.RUNNING), "")
    assert [r.reason for r in await world.control.why_pending(job.id)] == ["a worker is starting"]


async def test_an_exit_that_the_engine_tells_of_is_looked_at_at_once(world: World) -> None:
    await world.add_provider()
    await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    signals = world.control.engine.signals
    signals.wants_cleanup = False
    world.provider.see(agent.worker_id, Presence(state=PresenceState.EXITED))
    await _until(lambda: signals.wants_cleanup)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  (one turn of the loop at a time)
        await asyncio.sleep(0)


async def test_stages_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hodei_application.scheduling.presence.STAGES_KEPT", 3)
    sightings = world.control.engine.sightings
    for _ in range(10):
        sightings._see(WorkerId(world.ids()), Presence(state=PresenceState.STARTING, reason="pulling"), "")
    assert len(sightings.stages) == 3


async def test_a_listener_ends_with_its_provider_and_survives_a_broken_stream(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_application.scheduling.presence.LISTEN_AGAIN", 0.0)
    provider = await world.add_provider()
    await world.settle()
    sightings = world.control.engine.sightings
    [(_, task)] = sightings._listeners.values()
    world.provider.outage = "gone"
    world.provider.see(WorkerId(world.ids()), Presence(state=PresenceState.EXITED))
    world.provider.outage = ""
    world.control.engine.signals.wants_cleanup = False
    world.provider.see(WorkerId(world.ids()), Presence(state=PresenceState.EXITED))
    await _until(lambda: world.control.engine.signals.wants_cleanup)
    await world.control.delete_provider(provider.id)
    sightings.listen()
    assert sightings._listeners == {}
    await _until(task.done)


async def test_a_lost_row_is_no_end_of_the_round(world: World) -> None:
    await world.add_provider()
    job = await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    worker = await world.worker(agent.worker_id)
    assert worker.state is WorkerState.BUSY
    assert (await world.job(job.id)).state is JobState.SCHEDULED
    strange = evolve(worker, id=WorkerId(world.ids()))
    await world.control.engine.destroyer.destroy(strange)
    await world.control.engine.reaper.give_up([GivenUp(worker=strange, why="nobody", drain=True)])


async def test_one_orphan_that_cannot_be_destroyed_does_not_save_the_others(world: World) -> None:
    await world.add_provider()
    stuck, other = stray(world), stray(world)

    async def refuse(id: WorkerId) -> None:
        if id == stuck:
            raise ProviderUnavailable("the engine hangs")

    world.provider.on_destroy = refuse
    found = await world.control.collect_garbage()
    assert {orphan.worker.worker_id for orphan in found.orphans} == {stuck, other}
    assert found.removed == {other}


async def test_a_provider_that_does_not_answer_is_named_and_the_others_are_cleaned_up(world: World) -> None:
    await world.add_provider("away")
    world.provider.outage = "connection refused"
    found = await world.control.collect_garbage(dry_run=True)
    assert found == Garbage(orphans=(), unreached=(("away", "connection refused"),))
    await world.control.register_provider(NewProvider(name="unserved", type=ProviderType.EC2))
    told = dict((await world.control.collect_garbage()).unreached)
    assert told["unserved"] == "is not available on this control plane"


async def test_a_new_leader_cleans_up_at_once_and_then_every_minute(world: World) -> None:
    await world.add_provider()
    first = await left(world)
    await world.settle()
    assert first not in world.provider.made, "at the start"
    second = await left(world)
    await world.pass_time(MINUTE + timedelta(seconds=11))
    assert second not in world.provider.made
