"""A database that can be read and takes no writes: one line each way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from faults.by_hand import SETTINGS
from faults.desk import Desk, until
from faults.system import System, system

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

REASON = "The database takes no writes because it is a standby or was set to be read-only"
AGAIN = "The database takes writes again after"
SEVERAL_ROUNDS = 20.0  # seconds; each loop tries again within five


@pytest.fixture
async def bare(need_postgres: None) -> AsyncIterator[System]:
    async with system(1, SETTINGS) as found:
        yield found


async def set_read_only(found: System, value: str) -> None:
    url = found.database.direct
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as by_hand:
        await by_hand.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}".encode())
        await by_hand.execute("SELECT pg_reload_conf()")


async def test_a_read_only_database_is_told_of_in_one_line_each_way(bare: System) -> None:
    server = bare.replicas[0]

    async def told() -> bool:
        return server.said(REASON)

    async def is_back() -> bool:
        return server.said(AGAIN)

    await set_read_only(bare, "on")
    await until(told)
    await asyncio.sleep(SEVERAL_ROUNDS)
    assert not server.said(AGAIN)
    await set_read_only(bare, "off")
    await until(is_back)
    async with Desk(bare, server) as desk:
        await desk.queue("true")
    assert [server.count(text) for text in (REASON, AGAIN, "does not answer")] == [1, 1, 0]
