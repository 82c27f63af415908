"""Events as they are written, read once for all who listen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from hodei_application.audit import audit_feed
from hodei_application.audit.audit_feed import LONGEST, Begun, Position, Told
from hodei_application.testing import World

WITHIN = 30


def jobs_of(items: list[Told | Begun]) -> list[str]:
    return [item.record.correlation_id for item in items if isinstance(item, Told)]


@asynccontextmanager
async def following(
    world: World, last: str | None = None
) -> AsyncIterator[AsyncGenerator[Told | Begun, None]]:
    followed = world.control.follow_audit(last)
    assert isinstance(followed, AsyncGenerator)
    async with asyncio.timeout(WITHIN):
        yield followed
    await followed.aclose()


async def position_after(world: World, jobs: int) -> str:
    """Of a listener who has heard of so many jobs, which are submitted, and lost its connection."""
    async with following(world) as followed:
        begun = await anext(followed)
        for _ in range(jobs):
            await world.submit()
        await world.control.engine.feed.step()
        told = [begun, *[await anext(followed) for _ in range(jobs)]]
    await world.control.engine.feed.step()
    return str(told[-1].position)


async def test_nobody_listens_and_nothing_is_read(world: World) -> None:
    before = world.store.commits
    assert await world.control.engine.feed.step() is None
    assert world.store.commits == before


async def test_all_listeners_hear_of_each_record_once_and_it_is_read_once(world: World) -> None:
    feed = world.control.engine.feed
    await world.submit()
    with feed.subscribe() as one, feed.subscribe() as two:
        await feed.step()
        assert one.take() == ([], False)  # what was before is no news
        job = await world.submit()
        before = world.store.commits
        await feed.step()
        assert world.store.commits == before + 1
        await feed.step()
        for subscriber in (one, two):
            items, missed = subscriber.take()
            assert (jobs_of(items), missed) == ([str(job.id)], False)


async def test_a_record_that_was_committed_late_is_heard_all_the_same(world: World) -> None:
    feed = world.control.engine.feed
    with feed.subscribe() as subscriber:
        await feed.step()
        late = await world.submit()
        (record,) = [r for r in world.store.tables.audit.rows.values() if r.correlation_id == str(late.id)]
        world.store.tables.audit.drop(record.id)  # its transaction still waits
        world.clock.advance(timedelta(hours=1))
        await world.submit()
        await feed.step()
        subscriber.take()
        world.store.tables.audit.put(record.id, record)
        await feed.step()
        assert jobs_of(subscriber.take()[0]) == [str(late.id)]


@pytest.mark.parametrize("heard", [0, 1, 3])
async def test_a_listener_comes_back_to_where_it_was(world: World, heard: int) -> None:
    last = await position_after(world, heard)
    jobs = [str((await world.submit()).id) for _ in range(3)]
    async with following(world, last) as followed:
        assert await anext(followed) == Begun(Position.read(last))  # type: ignore[arg-type]
        assert jobs_of([await anext(followed) for _ in range(3)]) == jobs
        jobs.append(str((await world.submit()).id))
        await world.control.engine.feed.step()
        assert jobs_of([await anext(followed)]) == jobs[-1:], "and hears nothing twice"


async def test_a_listener_may_come_back_in_the_middle_of_what_one_look_found(world: World) -> None:
    feed = world.control.engine.feed
    async with following(world) as followed:
        await anext(followed)
        jobs = [str((await world.submit()).id) for _ in range(4)]
        await feed.step()
        told = [await anext(followed) for _ in range(4)]
    jobs += [str((await world.submit()).id) for _ in range(2)]
    for number, item in enumerate(told):
        async with following(world, str(item.position)) as followed:
            await anext(followed)
            rest = [await anext(followed) for _ in range(5 - number)]
            assert jobs_of(rest) == jobs[number + 1 :]
        async with following(world, str(rest[0].position)) as followed:  # and leave again at once
            await anext(followed)
            assert jobs_of([await anext(followed) for _ in range(4 - number)]) == jobs[number + 2 :]


async def test_what_the_feed_has_still_to_tell_is_not_told_twice(world: World) -> None:
    feed = world.control.engine.feed
    with feed.subscribe():
        await feed.step()
        async with following(world, await feed.start()) as followed:
            jobs = [str((await world.submit()).id)]
            assert isinstance(await anext(followed), Begun)
            assert jobs_of([await anext(followed)]) == jobs
            await feed.step()
            jobs.append(str((await world.submit()).id))
            await feed.step()
            assert jobs_of([await anext(followed)]) == jobs[1:]


@pytest.mark.parametrize(
    "last", ["nonsense", "a/b", "a/b/c", "2026-05-01T00:00:00+00:00/" + "0" * 32, "x" * (LONGEST + 1)]
)
async def test_a_listener_that_comes_from_somewhere_else_is_told_to_look_at_everything(
    world: World, last: str
) -> None:
    async with following(world, last) as followed:
        begun = await anext(followed)
        assert isinstance(begun, Begun)
        assert begun.missed
        job = await world.submit()
        await world.control.engine.feed.step()
        assert jobs_of([await anext(followed)]) == [str(job.id)]


async def test_a_listener_who_was_away_too_long_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_feed, "RESUMED", 3)
    last = await position_after(world, 1)
    for _ in range(4):
        await world.submit()
    async with following(world, last) as followed:
        begun = await anext(followed)
        assert isinstance(begun, Begun)
        assert begun.missed


async def test_a_listener_who_is_too_slow_is_told_and_goes_on(world: World) -> None:
    feed = world.control.engine.feed
    feed._hub.room = 1
    async with following(world) as followed:
        await anext(followed)
        for _ in range(3):
            await world.submit()
        await feed.step()
        assert await anext(followed) == Begun(Position(await feed.start()), missed=True)
        job = await world.submit()
        await feed.step()
        assert jobs_of([await anext(followed)]) == [str(job.id)]


async def test_a_storm_of_records_is_said_to_be_missed_and_not_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_feed, "ROOM", 2)
    feed = world.control.engine.feed
    with feed.subscribe() as subscriber:
        await feed.step()
        for _ in range(3):
            await world.submit()
        await feed.step()
        assert subscriber.take() == ([Begun(Position(await feed.start()), missed=True)], False)


async def test_looks_that_take_long_are_made_less_often(world: World) -> None:
    feed = world.control.engine.feed
    with feed.subscribe():
        await feed.step()
        assert await feed.step() == audit_feed.POLL
        begin = feed.begin

        def slowly() -> Any:
            world.clock.advance(timedelta(milliseconds=100))
            return begin()

        feed.begin = slowly
        assert await feed.step() == timedelta(seconds=1)
