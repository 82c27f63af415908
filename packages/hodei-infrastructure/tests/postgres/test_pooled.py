"""The store through PgBouncer, which may hand each transaction another session of the server."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from attrs import frozen
from hodei_domain.testing import contracts
from hodei_domain.testing.stores import Begin
from hodei_infrastructure.embedded.account import account_for
from hodei_infrastructure.embedded.server import EmbeddedPostgres
from hodei_infrastructure.embedded.tuning import Tuning
from hodei_infrastructure.postgres.connections import is_pooled
from hodei_infrastructure.postgres.hints import EVERYTHING, Hints
from hodei_infrastructure.postgres.store import PostgresStore, open_store
from hodei_infrastructure.postgres.testing import PostgresServer
from psycopg.conninfo import conninfo_to_dict

pytestmark = pytest.mark.postgres

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIG = """
[databases]
* = host={there} port=5432 user=hodei
[pgbouncer]
pool_mode = transaction
listen_addr =
listen_port = 6432
unix_socket_dir = {place}
unix_socket_mode = 0777
auth_type = any
default_pool_size = 10
server_idle_timeout = 1
logfile = {place}/log
"""


@frozen
class Pool:
    """A server, and the directory in which PgBouncer listens."""

    server: PostgresServer
    place: Path

    def url_of(self, url: str) -> str:
        """Through PgBouncer, to the database of this direct one."""
        return f"postgresql://hodei@/{conninfo_to_dict(url)['dbname']}?host={self.place}&port=6432"


@pytest.fixture(scope="module")
def pool(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """A server of its own, that anybody may use, behind PgBouncer."""
    if PROGRAM is None:
        if "pgbouncer" in os.environ.get("HODEI_REQUIRE", "").split(","):
            pytest.fail("pgbouncer is not here")
        pytest.skip("pgbouncer is not here")
    server = EmbeddedPostgres(tmp_path_factory.mktemp("pooled"), Tuning(fast=True))
    server.start()
    bouncer = None
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
            (server.data_dir / "postgres" / "pg_hba.conf").write_text("local all all trust\n")
            connection.execute("SELECT pg_reload_conf()")
        there = Path(server.url.split("host=")[1].split("&")[0])
        account, place = account_for(server.data_dir / "postgres"), there / "pool"
        place.mkdir()
        (place / "config").write_text(CONFIG.format(there=there, place=place))
        for path in (place, place / "config"):
            account.own(path)
        bouncer = subprocess.Popen(account.command(PROGRAM, "-q", place / "config"))
        deadline = time.monotonic() + 30
        while not (place / ".s.PGSQL.6432").exists():
            assert bouncer.poll() is None, "pgbouncer ended"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield Pool(PostgresServer(server.url), place)
    finally:
        if bouncer is not None:
            bouncer.terminate()
            bouncer.wait(30)
        server.stop()


@pytest.fixture
def pooled_url(pool: Pool) -> Iterator[str]:
    """A database with the schema."""
    url = pool.server.create()
    yield pool.url_of(url)
    pool.server.drop(url)


@pytest.fixture
async def pooled_store(pooled_url: str) -> AsyncIterator[PostgresStore]:
    async with open_store(pooled_url) as store:
        yield store


class Pooled:
    @pytest.fixture
    def begin(self, pooled_store: PostgresStore) -> Begin:
        return pooled_store.begin


class TestPooledUnitOfWork(Pooled, contracts.UnitOfWorkContract):
    pass


class TestPooledJobStore(Pooled, contracts.JobStoreContract):
    pass


class TestPooledJobQueue(Pooled, contracts.JobQueueContract):
    pass


class TestPooledLeases(Pooled, contracts.LeaseStoreContract):
    pass


class TestPooledLogs(Pooled, contracts.LogStoreContract):
    pass


class TestPooledSettings(Pooled, contracts.SettingsStoreContract):
    pass


async def test_a_database_is_brought_up_to_date_through_it(pool: Pool) -> None:
    url = pool.server.create(empty=True)
    async with open_store(pool.url_of(url)) as store, store.begin() as tx:
        assert await tx.queue.depth() == 0
    pool.server.drop(url)


async def test_a_pool_between_is_noticed(pooled_url: str, database_url: str) -> None:
    assert await is_pooled(pooled_url)
    assert not await is_pooled(database_url)


async def test_nothing_is_left_in_a_session_that_others_will_have(
    pooled_store: PostgresStore, pooled_url: str
) -> None:
    assert pooled_store.pooled
    for _ in range(10):
        async with pooled_store.begin() as tx:
            await tx.settings.put("x", 1)
    with psycopg.connect(pooled_url, autocommit=True, prepare_threshold=None) as other:
        assert other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        assert other.execute("SHOW enable_seqscan").fetchone() == ("on",)


async def test_where_nobody_can_be_heard_all_is_looked_for_again_and_again(
    pooled_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    async def send(payload: str) -> None:
        raise AssertionError("nobody would hear it")

    hints = Hints(pooled_url, send, deaf=True)
    assert not hints.is_alone()
    hints.tell("work")
    async with hints.listening(heard.append):
        async with asyncio.timeout(30):
            while len(heard) < 2 * len(EVERYTHING):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert set(heard) == set(EVERYTHING)
    assert not caplog.records
