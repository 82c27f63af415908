"""The Postgres of one run: private, in a temporary directory, as durable as in production."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from attrs import frozen
from hodei_infrastructure.embedded.server import embedded_server

from benchmarks.machine import describe, describe_postgres
from benchmarks.options import Options


@frozen
class Postgres:
    """A server. `url` names the database it starts with; `setup` describes machine and server."""

    url: str
    directory: Path
    setup: Mapping[str, str]

    @asynccontextmanager
    async def database(self, name: str) -> AsyncIterator[str]:
        """Make an empty database, give its URL, drop it at the end."""
        await self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"')
        try:
            yield urlsplit(self.url)._replace(path=f"/{name}").geturl()
        finally:
            await self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _run(self, *commands: str) -> None:
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            for each in commands:
                await connection.execute(each.encode())


@asynccontextmanager
async def postgres(chosen: Options) -> AsyncIterator[Postgres]:
    """The server that the options name, or an embedded one as `hodei up` starts it."""
    with tempfile.TemporaryDirectory(prefix="hodei-bench-") as directory:
        place = Path(directory)
        if chosen.database_url is not None:
            yield _described(chosen.database_url, place)
            return
        async with embedded_server(place / "postgres") as url:
            yield _described(url, place)


async def size_of(url: str) -> str:
    """How much room a database takes, for people."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        query = "SELECT pg_size_pretty(pg_database_size(current_database()))"
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return str(row[0])


def _described(url: str, place: Path) -> Postgres:
    return Postgres(url, place, {**describe(place), **describe_postgres(url)})
