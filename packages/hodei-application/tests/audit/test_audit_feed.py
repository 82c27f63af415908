"""Events as they are written, read once for all who listen."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from hodei_application.audit import audit_feed
from hodei_application.audit.audit_feed import Missed
from hodei_application.testing import World
from hodei_domain.audit.record import AuditRecord

WITHIN = 30


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
            records, missed = subscriber.take()
            assert ([r.correlation_id for r in records], missed) == ([str(job.id)], False)


async def test_a_record_that_was_committed_late_is_heard_all_the_same(world: World) -> None:
    feed = world.control.engine.feed
    with feed.subscribe() as subscriber:
        await feed.step()
        late = await world.submit()
        (record,) = [r for r in world.store.tables.audit.rows.values() if r.correlation_id == str(late.id)]
        world.store.tables.audit.drop(record.id)  # its transaction still waits
        world.clock.advance(timedelta(seconds=8))
        await world.submit()
        await feed.step()
        subscriber.take()
        world.store.tables.audit.put(record.id, record)
        world.clock.advance(audit_feed.LATE_EVERY)
        await feed.step()
        assert [r.id for r in subscriber.take()[0]] == [record.id]


async def test_a_listener_comes_back_to_where_it_was(world: World) -> None:
    jobs = [await world.submit() for _ in range(4)]
    records = sorted(world.store.tables.audit.rows.values(), key=lambda r: (r.occurred_at, r.id))
    place = (records[1].occurred_at, records[1].id)
    followed = world.control.follow_audit(place)
    async with asyncio.timeout(WITHIN):
        told = [await anext(followed) for _ in range(2)]
    assert [r.correlation_id for r in told if isinstance(r, AuditRecord)] == [str(j.id) for j in jobs[2:]]
    await followed.aclose()  # type: ignore[attr-defined]


async def test_a_listener_who_was_away_too_long_or_is_too_slow_is_told(world: World) -> None:
    feed = world.control.engine.feed
    for _ in range(5):
        await world.submit()
    first = min(world.store.tables.audit.rows.values(), key=lambda r: (r.occurred_at, r.id))
    audit_feed_resumed, audit_feed.RESUMED = audit_feed.RESUMED, 3
    try:
        followed = world.control.follow_audit((first.occurred_at - timedelta(seconds=1), first.id))
        assert isinstance(await anext(followed), Missed)
        await feed.step()
        feed._hub.room = 1
        with feed.subscribe() as slow:
            for _ in range(3):
                await world.submit()
            await feed.step()
            assert slow.take() == ([], True)
        await followed.aclose()  # type: ignore[attr-defined]
    finally:
        audit_feed.RESUMED = audit_feed_resumed


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
