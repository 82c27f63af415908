"""The address leads to a new primary, and the old one stays, as a standby that can be read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from hodei_application.outage import Outage, Watched
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_infrastructure.embedded.server import EmbeddedPostgres
from hodei_infrastructure.embedded.tuning import Tuning
from hodei_infrastructure.migrations.upgrade import migrate
from hodei_infrastructure.postgres.connections import pool_of
from hodei_infrastructure.postgres.store import PostgresStore
from hodei_infrastructure.postgres.testing import PostgresServer

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def old(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("old"), Tuning(fast=True))
    server.start()
    yield server
    server.stop()


class Address:
    """Where new connections go; those that are open stay where they are."""

    def __init__(self, there: Path) -> None:
        self.there = there

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, there = await asyncio.open_unix_connection(self.there)
        await asyncio.gather(_pass(reader, there), _pass(answers, writer))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    finally:
        writer.close()


@asynccontextmanager
async def address(there: Path, at: Path) -> AsyncIterator[Address]:
    found = Address(there)
    server = await asyncio.start_unix_server(found.serve, at / ".s.PGSQL.5432")
    try:
        yield found
    finally:
        server.close()


def socket_of(url: str) -> Path:
    return Path(url.split("host=")[1].split("&")[0]) / ".s.PGSQL.5432"


async def test_connections_to_the_old_primary_are_given_up_at_the_first_refused_write(
    old: EmbeddedPostgres,
    postgres_server: PostgresServer,
    database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if "host=" not in database_url:
        pytest.skip("the database is not on a unix socket")
    place = tmp_path_factory.mktemp("s")
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(old.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    url = old.url_of(str(name))
    await migrate(url)
    through = url.replace(str(socket_of(url).parent), str(place))
    async with address(socket_of(url), place) as where, pool_of(through, 3, timedelta(seconds=20)) as pool:
        outage = Outage()
        begin = Watched(PostgresStore(pool).begin, outage)

        async def put(value: str) -> None:
            async with begin() as tx:
                await tx.settings.put("x", value)

        async with begin() as one, begin() as two, begin() as three:
            for tx in (one, two, three):  # three connections are open
                assert await tx.settings.get("x") is None
        with psycopg.connect(old.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            connection.execute("SELECT pg_reload_conf()")
        where.there = socket_of(database_url)
        caplog.set_level(logging.WARNING, "hodei.loops")
        caplog.clear()

        async def until_refused() -> None:
            for number in range(1000):  # until the reload has come to that session
                await put(f"{number}")

        with pytest.raises(StoreUnavailable, match="takes no writes"):
            await until_refused()
        await put("new")
        async with begin() as one, begin() as two, begin() as three:
            for tx in (one, two, three):
                assert await tx.settings.get("x") == "new", "they all lead to the new one"
    assert "takes no writes" in caplog.records[0].getMessage()
