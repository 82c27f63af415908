"""What overlapping transactions write is told to all who listen, in whatever order they commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hodei_application.audit.audit_feed import AuditFeed, Begun, FollowAudit, Told
from hodei_domain.testing.contracts.audit import news, opened, record, told
from hodei_domain.testing.contracts.base import Broken, break_off
from hodei_infrastructure.postgres.store import PostgresStore, open_store

pytestmark = pytest.mark.postgres

WITHIN = 30
NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(hours=1)  # as a replica's clock may have it, or a transaction that had to wait
Followed = AsyncGenerator[Told | Begun, None]


class Replica:
    """A feed on a store, whose looks the test makes."""

    def __init__(self, store: PostgresStore) -> None:
        self.feed = AuditFeed(store.begin, lambda: datetime.now(UTC))
        self._follow = FollowAudit(store.begin, self.feed)

    @asynccontextmanager
    async def follow(self, last: str | None = None) -> AsyncIterator[Followed]:
        followed = self._follow(last)
        assert isinstance(followed, AsyncGenerator)
        async with asyncio.timeout(WITHIN):
            begun = await anext(followed)
            assert isinstance(begun, Begun)
            assert not begun.missed
            yield followed
        await followed.aclose()


async def heard(followed: Followed) -> tuple[str, str]:
    """Whom the next record tells of, and the position after it."""
    item = await anext(followed)
    assert isinstance(item, Told)
    return item.record.correlation_id, str(item.position)


async def test_a_live_listener_hears_of_an_earlier_record_that_was_committed_later(
    postgres_store: PostgresStore,
) -> None:
    begin, here = postgres_store.begin, Replica(postgres_store)
    async with here.follow() as followed:
        async with begin() as slow:
            await slow.audit.record([opened(LONG_AGO, "slow")])
            await record(begin, opened(NOW, "quick"))
            await here.feed.step()
            assert (await heard(followed))[0] == "quick"
        await here.feed.step()
        assert (await heard(followed))[0] == "slow"
        await record(begin, opened(LONG_AGO, "after"))
        await here.feed.step()
        assert (await heard(followed))[0] == "after", "and of nothing twice"


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_resumed_listener_hears_of_it_too_on_whichever_replica(
    postgres_store: PostgresStore, elsewhere: bool
) -> None:
    begin, here = postgres_store.begin, Replica(postgres_store)
    async with begin() as slow:
        await slow.audit.record([opened(LONG_AGO, "slow")])
        async with here.follow() as followed:
            await record(begin, opened(NOW, "quick"))
            await here.feed.step()
            name, last = await heard(followed)
            assert name == "quick"
    there = Replica(postgres_store) if elsewhere else here
    async with there.follow(last) as followed:
        assert (await heard(followed))[0] == "slow"
        await record(begin, opened(LONG_AGO, "after"))
        await there.feed.step()
        assert (await heard(followed))[0] == "after"


async def test_nothing_is_held_up_by_a_transaction_that_stays_open(postgres_store: PostgresStore) -> None:
    begin, here = postgres_store.begin, Replica(postgres_store)
    async with begin() as slow, here.follow() as followed:
        await slow.audit.record([opened(LONG_AGO, "slow")])
        for name in ("one", "two", "three"):
            await record(begin, opened(NOW, name))
            await here.feed.step()
            assert (await heard(followed))[0] == name


async def test_a_write_that_is_taken_back_is_never_told(postgres_store: PostgresStore) -> None:
    begin, mark = postgres_store.begin, (await news(postgres_store.begin, None)).mark
    with pytest.raises(Broken):
        await break_off(begin, lambda tx: tx.audit.record([opened(NOW, "never")]))
    assert told(await news(begin, mark)) == []


async def test_rows_of_a_dump_and_marks_of_another_server_are_no_news(
    postgres_store: PostgresStore, database_url: str
) -> None:
    begin, mark = postgres_store.begin, (await news(postgres_store.begin, None)).mark
    await record(begin, opened(NOW, "restored"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE audit_logs SET written_in = '900000000000'")
    assert told(await news(begin, mark)) == []
    assert (await news(begin, "900000000000:900000000000:")).missed


async def test_records_of_servers_of_the_release_before_are_told(
    postgres_store: PostgresStore, database_url: str
) -> None:
    begin, mark = postgres_store.begin, (await news(postgres_store.begin, None)).mark
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO audit_logs (occurred_at, event_type, correlation_id, payload, id) "
            "VALUES (now(), 'JobCreated', 'theirs', '{}', gen_random_uuid())"
        )
    assert told(await news(begin, mark)) == ["theirs"]


async def test_records_of_a_dump_from_an_older_cluster_are_no_news(database_url: str) -> None:
    async with open_store(database_url, connections=2) as store:
        await record(store.begin, opened(NOW - timedelta(minutes=2), "restored"))
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "UPDATE audit_logs SET written_in = "
            "(pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 8)::text::xid8"
        )
    async with open_store(database_url, connections=2) as store:  # a server that starts on it
        mark = (await news(store.begin, None)).mark
        found = []
        for number in range(20):
            await record(store.begin, opened(datetime.now(UTC), f"new-{number}"))
            looked = await news(store.begin, mark)
            found += told(looked)
            mark = looked.mark
        assert found == [f"new-{number}" for number in range(20)]
    async with open_store(database_url, connections=2) as store:  # and the next one
        assert told(await news(store.begin, mark)) == []
