"""What waiting jobs hear of the workers that are made for them."""

import asyncio
from datetime import timedelta

import pytest
from hodei_application.scheduling import provisionings
from hodei_application.scheduling.provisionings import without_progress
from hodei_application.testing import World
from hodei_domain.jobs.job import JobState
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.providers.errors import ProviderUnavailable, WorkerNotCreated
from hodei_domain.providers.pools import Pool, PoolRules
from hodei_domain.providers.records import Presence, PresenceState

SECOND = timedelta(seconds=1)
STARTING = Presence(state=PresenceState.STARTING)
RUNNING = Presence(state=PresenceState.RUNNING)


async def stages(world: World, job_id: JobId) -> list[str]:
    async with world.store.begin() as tx:
        records = await tx.audit.by_correlation(str(job_id))
    return [record.payload["stage"] for record in records if record.event_type == "JobProvisioning"]


async def seen(world: World, id: WorkerId, *messages: str, presence: Presence = STARTING) -> None:
    """The engine tells of a worker, and it is heard."""
    for message in messages:
        world.provider.see(id, presence, message)
    for _ in range(10 * (len(messages) + 2)):  # the listener takes and records them, all without waiting
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("pulling alpine:3.20", "pulling alpine:3.20"),
        ("pulling alpine:3.20 42 %", "pulling alpine:3.20"),
        ("pulling alpine:3.20: 42.5%", "pulling alpine:3.20"),
        ("pulling alpine (7 %)", "pulling alpine"),
        ("42 %", ""),
    ],
)
def test_progress_is_not_for_the_record(told: str, kept: str) -> None:
    assert without_progress(told) == kept


async def test_a_job_hears_of_its_workers_stages_once_each(world: World) -> None:
    world.agents_come = False
    await world.add_provider()
    job = await world.submit(image="alpine:3.20")
    await world.settle()
    [id] = world.provider.made
    assert await stages(world, job.id) == ["making a worker", "started"]
    await seen(world, id, "pulling alpine:3.20 1 %", "pulling alpine:3.20 50 %", "pulled")
    assert await stages(world, job.id) == ["making a worker", "started", "pulling alpine:3.20", "pulled"]
    [reason] = await world.control.why_pending(job.id)
    assert reason.reason == "pulled"
    await seen(world, id, "", presence=RUNNING)
    assert len(await stages(world, job.id)) == 4
    async with world.store.begin() as tx:
        [first, *_] = [r for r in await tx.audit.by_correlation(str(job.id)) if "stage" in r.payload]
    assert (first.payload["provider"], first.payload["worker_id"]) == ("scripted", str(id))


async def test_each_of_several_hears_of_one_worker_and_no_more_than_workers_come(world: World) -> None:
    world.agents_come = False
    await world.add_provider(max_workers=2)
    jobs = [await world.submit(image="alpine") for _ in range(3)]
    await world.settle()
    told = [await stages(world, job.id) for job in jobs]
    assert told == [["making a worker", "started"]] * 2 + [[]]


async def test_when_the_job_goes_another_that_waits_hears_the_rest(world: World) -> None:
    world.agents_come = False
    await world.add_provider(max_workers=1)
    first, second = [await world.submit(image="alpine") for _ in range(2)]
    await world.settle()
    [id] = world.provider.made
    await world.control.cancel_job(first.id)
    await seen(world, id, "unpacking")
    assert await stages(world, first.id) == ["making a worker", "started"]
    assert await stages(world, second.id) == ["unpacking"]


async def test_warm_workers_are_nobodys_news(world: World) -> None:
    await world.add_provider(pools=(Pool(image="alpine", rules=PoolRules(min_idle=1)),))
    await world.settle()
    assert "JobProvisioning" not in await world.events()


async def test_why_a_worker_failed_is_in_the_timeline(world: World) -> None:
    await world.add_provider()
    job = await world.submit(image="alpine")
    world.provider.failures = [ProviderUnavailable("connection refused")]
    await world.pass_time(8 * SECOND)
    assert await stages(world, job.id) == [
        *("making a worker", "failed: connection refused"),
        *("making a worker", "started"),
    ]


async def test_the_registrys_words_are_in_the_timeline_and_the_result(world: World) -> None:
    await world.add_provider()
    job = await world.submit(image="nope")
    world.provider.failures = [WorkerNotCreated("manifest unknown", reason="image-pull", final=True)]
    await world.settle()
    assert await stages(world, job.id) == ["making a worker", "failed: manifest unknown"]
    assert (await world.job(job.id)).state is JobState.FAILED


async def test_a_worker_that_exits_before_it_registers_says_why_and_is_replaced_later(world: World) -> None:
    world.agents_come = False
    await world.add_provider()
    job = await world.submit(image="alpine")
    await world.settle()
    [id] = world.provider.made
    dead = Presence(state=PresenceState.EXITED, exit_code=127, reason="no such file: /hodei/agent")
    await seen(world, id, "", presence=dead)
    await world.pass_time(5 * SECOND)
    assert "failed: it exited with 127: no such file: /hodei/agent" in await stages(world, job.id)
    assert (await world.job(job.id)).state is JobState.PENDING
    [other] = world.provider.made
    assert other != id


async def test_a_worker_that_does_not_come_in_time_says_so(world: World) -> None:
    world.agents_come = False
    await world.add_provider()
    job = await world.submit()
    await world.pass_time(timedelta(minutes=5, seconds=10))
    assert "failed: it did not come in time (register_within: 300 s)" in await stages(world, job.id)


async def test_an_engine_that_tells_ever_new_stages_does_not_fill_the_trail(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provisionings, "MOST_STAGES", 4)
    world.agents_come = False
    await world.add_provider()
    job = await world.submit()
    await world.settle()
    [id] = world.provider.made
    await seen(world, id, *(f"stage {letter}" for letter in "abcdef"))
    assert await stages(world, job.id) == ["making a worker", "started", "stage a", "stage b"]


async def test_a_store_that_is_away_holds_nothing_up(world: World) -> None:
    world.agents_come = False
    await world.add_provider()
    job = await world.submit()
    await world.settle()
    [id] = world.provider.made
    world.store.fail_commits(1)
    await seen(world, id, "pulling")
    await seen(world, id, "pulled")
    assert await stages(world, job.id) == ["making a worker", "started", "pulled"]


async def test_a_successor_goes_on_telling(world: World) -> None:
    world.agents_come = False
    await world.add_provider()
    job = await world.submit()
    await world.settle()
    [id] = world.provider.made
    world.clock.advance(timedelta(seconds=30))
    world.control = world.replica("two")
    await world.settle()
    await world.control.engine.leader.keeper.provisionings.stage(id, "pulling x")
    assert await stages(world, job.id) == ["making a worker", "started", "pulling x"]


async def test_a_job_that_waits_for_days_does_not_fill_the_trail(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provisionings, "MOST_OF_A_JOB", 5)
    await world.add_provider()
    job = await world.submit(image="alpine")
    world.provider.failures = [WorkerNotCreated("no route to the registry")] * 100
    await world.pass_time(timedelta(minutes=2))
    told = await stages(world, job.id)
    assert told == [*(["making a worker", "failed: no route to the registry"] * 2), "making a worker"]
