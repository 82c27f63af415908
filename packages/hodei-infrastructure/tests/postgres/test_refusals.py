"""What the database refuses: which refusals are an outage, and which are about one transaction only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest
from hodei_domain.kernel.errors import (
    StoreBusy,
    StoreClash,
    StoreReplaced,
    StoreTakesNoWrites,
    StoreUnavailable,
)
from hodei_domain.testing.making import running, submitted
from hodei_infrastructure.postgres.connections import pool_of
from hodei_infrastructure.postgres.errors import translated
from hodei_infrastructure.postgres.store import PostgresStore

pytestmark = pytest.mark.postgres

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"


@pytest.fixture
async def hasty_store(database_url: str, postgres_store: PostgresStore) -> AsyncIterator[PostgresStore]:
    """One that waits for locks for half a second."""
    pool = pool_of(database_url, 2, timedelta(seconds=5), answers_within_s=1.0)
    await pool.open()
    yield PostgresStore(pool, timedelta(seconds=-1), answers_within_s=1.0)
    await pool.close()


@pytest.mark.parametrize(
    ("state", "kind", "text"),
    [
        ("40P01", StoreClash, "in each other's way"),
        ("40001", StoreClash, "in each other's way"),
        ("55P03", StoreBusy, "locked for too long"),
        ("57014", StoreBusy, "took too long"),
        ("53200", StoreBusy, "memory"),
        ("53100", StoreTakesNoWrites, "takes no writes because its disk is full"),
        ("58030", StoreTakesNoWrites, "takes no writes because its disk or file system fails"),
        ("25006", StoreTakesNoWrites, "takes no writes because it is a standby or was set to be read-only"),
        ("53300", StoreUnavailable, "no connection left"),
        ("57P01", StoreUnavailable, "cannot be reached"),
        ("57P04", StoreUnavailable, "cannot be reached"),
        ("25P03", StoreUnavailable, "cannot be reached"),
        ("25P04", StoreUnavailable, "cannot be reached"),
        ("42501", StoreUnavailable, "lacks a right: x"),
        ("42P01", StoreReplaced, "lacks tables of ours"),
    ],
)
async def test_a_refusal_is_about_one_transaction_about_writing_or_about_everything(
    database_url: str, state: str, kind: type[StoreUnavailable], text: str
) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        with pytest.raises(StoreUnavailable, match=text) as refused, translated():
            await connection.execute(RAISE.format(state=state).encode())
        assert refused.type is kind


async def test_a_database_that_was_set_to_be_read_only_takes_no_writes(
    postgres_store: PostgresStore, database_url: str
) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as by_hand:
        [name] = await (await by_hand.execute("SELECT quote_ident(current_database())")).fetchone() or [""]
        await by_hand.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
        pool = pool_of(database_url, 1, timedelta(seconds=5))
        await pool.open()
        with pytest.raises(StoreTakesNoWrites):
            await submitted(PostgresStore(pool).begin)
        await pool.close()


async def test_the_end_of_leases_is_not_told_while_nobody_can_renew_them(
    postgres_store: PostgresStore, hasty_store: PostgresStore, database_url: str
) -> None:
    await running(hasty_store.begin)  # its lease is over at once
    async with hasty_store.begin() as tx:
        assert await tx.leases.expired(10)
    async with await psycopg.AsyncConnection.connect(database_url) as by_hand:
        await by_hand.execute("LOCK TABLE job_leases IN SHARE MODE")  # as CREATE INDEX takes it
        with pytest.raises(StoreBusy):
            async with hasty_store.begin() as tx:
                await tx.leases.expired(10)


async def test_what_a_mistake_of_ours_says_has_no_data_in_it(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("CREATE TEMP TABLE kept (secret text CHECK (secret = ''))")
        with pytest.raises(psycopg.errors.CheckViolation) as broken, translated():
            await connection.execute("INSERT INTO kept VALUES ('hunter2')")
    assert "violates check constraint" in str(broken.value)
    assert "hunter2" not in str(broken.value)
