"""A database that answers nothing, not even by an error: frozen, or forgotten by something between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_infrastructure.postgres.connections import pool_of
from hodei_infrastructure.postgres.store import PostgresStore

pytestmark = pytest.mark.postgres


class Between:
    """Stands between client and server; forgets the connections that it has when it is told to."""

    def __init__(self, there: str) -> None:
        self._there = there
        self._known: set[asyncio.StreamReader] = set()
        self._ends: list[asyncio.StreamWriter] = []

    def forget(self) -> None:
        self._known.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, there = await asyncio.open_unix_connection(self._there)
        self._known |= {reader, answers}
        self._ends += [writer, there]
        await asyncio.gather(self._pass(reader, there), self._pass(answers, writer))
        for end in (writer, there):
            end.close()

    async def close(self) -> None:
        for end in self._ends:
            end.transport.abort()
        for end in self._ends:
            with suppress(OSError):
                await end.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if reader in self._known:
                    writer.write(data)
        writer.transport.abort()


@asynccontextmanager
async def between(url: str, at: Path) -> AsyncIterator[tuple[Between, str]]:
    """It, and the URL that leads through it."""
    directory = url.split("host=")[1].split("&")[0]
    found = Between(f"{directory}/.s.PGSQL.5432")
    server = await asyncio.start_unix_server(found.serve, at / ".s.PGSQL.5432")
    try:
        yield found, url.replace(directory, str(at))
    finally:
        server.close()
        await found.close()


async def test_a_statement_that_nobody_answers_ends_and_the_next_one_has_a_new_connection(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    if "host=" not in database_url:
        pytest.skip("the database is not on a unix socket")
    place = tmp_path_factory.mktemp("s")
    async with between(database_url, place) as (proxy, url), pool_of(url, 3, timedelta(seconds=20)) as pool:
        store = PostgresStore(pool, answers_within_s=0.5)
        async with store.begin() as first, store.begin() as second, store.begin() as third:
            for tx in (first, second, third):  # three connections are open
                assert await tx.leaders.holder("nobody") is None
        proxy.forget()
        with pytest.raises(StoreUnavailable):
            async with store.begin() as tx:
                await tx.leaders.holder("nobody")
        async with asyncio.timeout(10), store.begin() as tx:
            assert await tx.leaders.holder("nobody") is None
        assert [r.getMessage() for r in caplog.records] == ["the database has not answered for 0.5 s"]


async def test_a_commit_that_nobody_answers_is_known_to_be_in_doubt(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if "host=" not in database_url:
        pytest.skip("the database is not on a unix socket")
    place = tmp_path_factory.mktemp("s")
    async with between(database_url, place) as (proxy, url), pool_of(url, 3, timedelta(seconds=20)) as pool:
        store = PostgresStore(pool, answers_within_s=0.5)

        async def write() -> None:
            async with store.begin() as tx:
                await tx.settings.put("x", {})
                proxy.forget()

        with pytest.raises(StoreUnavailable):
            await write()
        async with asyncio.timeout(10), store.begin() as tx:
            assert await tx.settings.get("x") is None
