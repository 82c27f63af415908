"""A database that is dropped and made again under a running server."""

from __future__ import annotations

import psycopg
import pytest

from faults.desk import Desk, until
from faults.system import system

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


async def test_a_server_stops_when_its_database_was_made_anew_and_works_after_its_next_start(
    need_postgres: None,
) -> None:
    async with system(1) as found:
        [replica] = found.replicas
        there = found.database.direct.replace("/hodei?", "/postgres?")
        async with await psycopg.AsyncConnection.connect(there, autocommit=True) as connection:
            await connection.execute("DROP DATABASE hodei WITH (FORCE)")
            await connection.execute("CREATE DATABASE hodei TEMPLATE template0")

        async def has_stopped() -> bool:
            return not replica.runs

        await until(has_stopped)
        assert replica.said("the database is not the one that this server started on; start it again")
        assert not replica.said("Traceback")
        await replica.start()
        async with Desk(found, replica) as desk:
            job = await desk.queue("true")
            assert (await desk.until(job, "SUCCEEDED", "FAILED", "TIMEOUT")).state == "SUCCEEDED"
