"""Fixtures that give tests a real Postgres. Import the fixtures you use into a `conftest.py`:

    from hodei_infrastructure.postgres.testing import database_url, postgres_server  # noqa: F401

The server is the one of HODEI_TEST_DATABASE_URL (its account must be allowed to create databases) or an
embedded one, started once for each process that runs tests. Each test gets a database of its own, copied
from a template to which the migrations were applied once. Where no Postgres can be had the tests are
skipped with the reason, or fail if HODEI_REQUIRE contains `postgres`.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql

from hodei_infrastructure.embedded.errors import PostgresNotFound
from hodei_infrastructure.embedded.server import EmbeddedPostgres
from hodei_infrastructure.embedded.tuning import Tuning
from hodei_infrastructure.migrations.upgrade import migrate
from hodei_infrastructure.postgres.store import PostgresStore, open_store

VARIABLE = "HODEI_TEST_DATABASE_URL"


class PostgresServer:
    """A server on which tests make and drop databases."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = itertools.count()
        self._prefix = f"hodei_test_{os.getpid()}"
        self._template = ""

    def url_of(self, database: str) -> str:
        """The URL of another database of the server."""
        return urlsplit(self.url)._replace(path=f"/{database}").geturl()

    def create(self, *, empty: bool = False) -> str:
        """A new database with the schema, or without anything; its URL."""
        name = f"{self._prefix}_{next(self._numbers)}"
        template = "template0" if empty else self._migrated()
        self._tell("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.url_of(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._tell("DROP DATABASE IF EXISTS {} WITH (FORCE)", urlsplit(url).path.strip("/"))

    def close(self) -> None:
        """Drop the template."""
        if self._template:
            self.drop(self.url_of(self._template))
            self._template = ""

    def _migrated(self) -> str:
        if not self._template:
            url = self.create(empty=True)
            _in_own_loop(url)
            self._template = urlsplit(url).path.strip("/")
        return self._template

    def _tell(self, statement: LiteralString, *names: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _in_own_loop(url: str) -> None:
    # In a thread, because a fixture may be asked for from within a running loop.
    failure: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(migrate(url))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


class _Running:
    """The one server of this process; several conftest files may import the fixtures."""

    server: PostgresServer | None = None
    missing: str | None = None


def _start(config: pytest.Config) -> PostgresServer:
    if url := os.environ.get(VARIABLE):
        server = PostgresServer(url)
    else:
        data_dir = Path(tempfile.mkdtemp(prefix="hodei-test-pg-"))
        config.add_cleanup(lambda: shutil.rmtree(data_dir, ignore_errors=True))
        embedded = EmbeddedPostgres(data_dir, Tuning(fast=True))
        server = PostgresServer(embedded.start())
        config.add_cleanup(embedded.stop)
    config.add_cleanup(server.close)
    return server


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> PostgresServer:
    """The server; skips or fails where there is none."""
    if _Running.server is None and _Running.missing is None:
        try:
            _Running.server = _start(request.config)
        except PostgresNotFound as error:
            _Running.missing = str(error)
    if _Running.server is not None:
        return _Running.server
    assert _Running.missing is not None
    if "postgres" in os.environ.get("HODEI_REQUIRE", "").split(","):
        pytest.fail(_Running.missing)
    pytest.skip(_Running.missing)


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with the schema and nothing in it, for one test."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="module")
def module_database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with the schema that the tests of one module share."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def empty_database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database without any table, for one test."""
    url = postgres_server.create(empty=True)
    yield url
    postgres_server.drop(url)


@pytest_asyncio.fixture
async def postgres_store(database_url: str) -> AsyncIterator[PostgresStore]:
    """A store over an empty database, for one test."""
    async with open_store(database_url) as store:
        yield store
