"""What is kept, and for how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from hodei_application.control_plane import Policy
from hodei_application.jobs.forget_history import Bounds
from hodei_application.logs.follow_logs import LogRequest
from hodei_application.logs.get_logs import LogQuery
from hodei_application.logs.page_logs import PageQuery
from hodei_application.scheduling.retention import PACES, Terms
from hodei_application.testing import World
from hodei_application.testing.agent import ScriptedAgent
from hodei_domain.jobs.errors import JobNotFound
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk, to_microseconds

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def world_of(**terms: Any) -> World:
    return World(policy=Policy(retention=Terms(**terms)))


async def look(world: World, after: timedelta = HOUR) -> None:
    """Let some time go by, and the leader look for what has been kept for long enough."""
    world.clock.advance(after)
    assert await world.control.engine.leader.keeper.janitor.retention()


async def ended(world: World, agent: ScriptedAgent, output: bytes = b"one\ntwo\n", **spec: Any) -> Job:
    job = await world.running(agent, **spec)
    if output:
        await agent.write(job, output)
    await agent.finish(job)
    return job


async def chunks(world: World, job_id: JobId) -> list[LogChunk]:
    async with world.store.begin() as tx:
        return await tx.logs.read(job_id, 0, 1000)


async def test_the_output_of_a_running_job_stays_however_long_it_runs() -> None:
    world = world_of(logs=timedelta(seconds=5))
    agent = await world.add_worker()
    job = await world.running(agent)
    first = await agent.write(job, b"first\n")
    await look(world, timedelta(seconds=70))
    assert await chunks(world, job.id) == [first]
    await agent.finish(job)
    await look(world, timedelta(seconds=10))
    assert [c.removed for c in await chunks(world, job.id)] == [True]
    await world.control.stop()


async def test_the_clock_of_a_worker_does_not_count() -> None:
    world = world_of(logs=30 * DAY)
    agent = await world.add_worker()
    agent.now = agent.now - 40 * DAY
    job = await ended(world, agent)
    await look(world)
    [kept] = await chunks(world, job.id)
    assert (kept.removed, kept.base_time_us) == (False, to_microseconds(agent.now))
    await look(world, 31 * DAY)
    assert [c.removed for c in await chunks(world, job.id)] == [True]
    await world.control.stop()


async def test_reading_removed_output_comes_to_its_end_with_the_mark() -> None:
    world = world_of(logs=DAY)
    agent = await world.add_worker()
    job = await ended(world, agent, b"".join(b"%d\n" % n for n in range(5000)))
    await look(world, 2 * DAY)
    page = await world.control.page_logs(PageQuery(job_id=job.id, limit=10))
    assert ([line.entry.removed for line in page.lines], page.has_more, page.last, page.stored) == (
        [True],
        False,
        5000,
        5000,
    )
    back = await world.control.page_logs(PageQuery(job_id=job.id, limit=10, tail=True))
    assert ([line.entry.removed for line in back.lines], back.has_more, back.first) == ([True], False, 1)
    sought = await world.control.page_logs(PageQuery(job_id=job.id, limit=10, tail=True, search="4999"))
    assert (sought.lines, sought.has_more) == ((), False)
    got = await world.control.get_logs(LogQuery(job_id=job.id))
    assert ([line.entry.gap_bytes for line in got.lines], got.has_more) == ([23890], False)
    followed = [chunk async for chunk in world.control.follow_logs(LogRequest(job_id=job.id))]
    assert [chunk.removed for chunk in followed] == [True]
    await world.control.stop()


async def test_output_beyond_the_size_goes_first_ended_first() -> None:
    world = world_of(log_bytes=25)
    agent = await world.add_worker()
    jobs = [await ended(world, agent, b"ten bytes\n") for _ in range(4)]
    running = await world.running(agent)
    await agent.write(running, b"x" * 100)
    await look(world)
    removed = [(await chunks(world, job.id))[0].removed for job in (*jobs, running)]
    assert removed == [True, True, False, False, False]
    await look(world)
    assert [(await chunks(world, job.id))[0].removed for job in jobs] == [True, True, False, False]
    await world.control.stop()


async def test_jobs_are_forgotten_by_age_with_workers_and_never_while_they_run() -> None:
    world = world_of(history=Bounds(age=7 * DAY))
    agent, other = await world.add_worker(), await world.add_worker()
    old = await ended(world, agent)
    long = await world.running(other)
    await world.control.terminate_worker(agent.worker_id)
    world.clock.advance(6 * DAY)
    young = await world.submit()
    await world.control.cancel_job(young.id)
    await look(world, 2 * DAY)
    with pytest.raises(JobNotFound):
        await world.job(old.id)
    assert await chunks(world, old.id) == []
    for kept in (long, young):
        await world.job(kept.id)
    await world.control.stop()


async def test_of_more_jobs_than_are_kept_the_first_to_end_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hodei_application.jobs.forget_history.AT_ONCE", 2)
    world = world_of(history=Bounds(jobs=3))
    agent = await world.add_worker()
    jobs = [await ended(world, agent) for _ in range(8)]
    await look(world)
    async with world.store.begin() as tx:
        assert set(await tx.jobs.find([job.id for job in jobs])) == {job.id for job in jobs[-3:]}
    await world.control.stop()


async def test_a_look_takes_some_seconds_and_goes_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hodei_application.scheduling.retention.LONGEST_LOOK_S", 0.0)
    world = world_of(history=Bounds(jobs=0))
    agent = await world.add_worker()
    job = await ended(world, agent)
    retention = world.control.engine.leader.keeper.janitor.retention
    assert await retention()
    await world.job(job.id)  # there was no time
    monkeypatch.setattr("hodei_application.scheduling.retention.LONGEST_LOOK_S", 10.0)
    assert await retention()
    with pytest.raises(JobNotFound):
        await world.job(job.id)
    assert not await retention()
    await world.control.stop()


async def test_somebody_can_ask_what_would_go_and_have_it_go(world: World) -> None:
    agent = await world.add_worker()
    job = await ended(world, agent)
    with pytest.raises(InvalidInput, match="HODEI_HISTORY_RETENTION"):
        await world.control.forget_history(Bounds())
    world.clock.advance(DAY)
    asked = Bounds(age=HOUR)
    told = await world.control.forget_history(asked, dry_run=True)
    assert (told.held.jobs, told.more) == (1, False)
    await world.job(job.id)
    assert (await world.control.forget_history(asked)).held.jobs == 1
    with pytest.raises(JobNotFound):
        await world.job(job.id)
    assert (await world.control.forget_history(asked)).held.jobs == 0


@pytest.mark.parametrize("wrong", [{"age": timedelta(0)}, {"jobs": -1}, {"age": -DAY}])
def test_bounds_that_mean_nothing_are_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        Bounds(**wrong)


def test_short_times_are_looked_for_more_often() -> None:
    assert Terms(logs=30 * DAY).pace == PACES[1]
    assert Terms(logs=timedelta(seconds=5)).pace == PACES[0]
    assert evolve(Terms(), history=Bounds(age=HOUR)).pace == timedelta(minutes=6)
