"""Clients that hang up while the database works for them: no connection is lost, and no word is said."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hodei_infrastructure.postgres.connections import Pool, pool_of
from hodei_infrastructure.postgres.store import PostgresStore

pytestmark = pytest.mark.postgres

SIZE = 4
REQUESTS = 400
LONG_ONES = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'"


@pytest.fixture
async def pool(postgres_store: PostgresStore, database_url: str) -> AsyncIterator[Pool]:
    pool = pool_of(database_url, SIZE, timedelta(seconds=30))
    async with pool:
        await pool.resize(SIZE, SIZE)
        await pool.wait()
        yield pool


@pytest.fixture
def store(pool: Pool) -> PostgresStore:
    return PostgresStore(pool)


async def test_whoever_hangs_up_costs_no_connection(
    store: PostgresStore, pool: Pool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("psycopg.pool"), "level", logging.WARNING)
    luck = random.Random(4711)

    async def ask() -> None:
        async with store.begin() as tx:
            await tx.version()
            await tx._session.rows("SELECT pg_sleep(0.002)")
            await tx.version()

    async def hang_up() -> None:
        asking = asyncio.create_task(ask())
        await asyncio.sleep(0.008 * luck.random())
        asking.cancel()
        if luck.random() < 0.5:  # and the time of its call is over, too
            await asyncio.sleep(0)
            asking.cancel()
        await asyncio.wait([asking])

    for _ in range(REQUESTS // 16):
        await asyncio.gather(*(hang_up() for _ in range(16)))
    await store.settled()
    stats = pool.get_stats()
    assert (stats["connections_num"], stats["pool_size"], stats["pool_available"]) == (SIZE, SIZE, SIZE)
    assert caplog.records == []


async def test_a_statement_that_takes_long_is_ended_for_whoever_hangs_up(store: PostgresStore) -> None:
    async def ask() -> None:
        async with store.begin() as tx:
            await tx._session.rows("SELECT pg_sleep(600)")

    async def long_ones() -> int:
        async with store.begin() as tx:
            return int(await tx._session.value(LONG_ONES))

    asking = asyncio.create_task(ask())
    while not await long_ones():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await store.settled()
    assert await long_ones() == 0


async def test_nothing_is_committed_for_whoever_hangs_up(store: PostgresStore) -> None:
    async def write() -> None:
        async with store.begin() as tx:
            await tx.leaders.acquire("x", "me", timedelta(minutes=1))
            await tx._session.rows("SELECT pg_sleep(0.05)")

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.02)
    writing.cancel()
    await asyncio.wait([writing])
    async with store.begin() as tx:
        assert await tx.leaders.acquire("x", "another", timedelta(minutes=1)) is not None
