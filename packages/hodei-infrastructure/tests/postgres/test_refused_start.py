"""What keeps us from a database: what waiting may mend is waited for, all else ends with what to do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import psycopg
import pytest
from hodei_infrastructure.embedded.server import EmbeddedPostgres
from hodei_infrastructure.embedded.tuning import Tuning
from hodei_infrastructure.postgres.connections import wait_for_database
from hodei_infrastructure.postgres.refusals import DatabaseRefused, final
from hodei_infrastructure.postgres.testing import PostgresServer

pytestmark = pytest.mark.postgres

HBA = "local all hodei trust\nlocal all asked scram-sha-256\nlocal all locked trust\nlocal all nobody trust\n"


@pytest.fixture(scope="module")
def strict(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedPostgres]:
    """A server that asks one user for a password, and lets few others in."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("strict"), Tuning(fast=True))
    server.start()
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE asked LOGIN PASSWORD 'right'")
            connection.execute("CREATE ROLE locked")
            connection.execute("CREATE DATABASE closed ALLOW_CONNECTIONS false")
            connection.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
            (server.data_dir / "postgres" / "pg_hba.conf").write_text(HBA)
            connection.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        server.stop()


def url_of(server: EmbeddedPostgres, user: str, database: str = "hodei", more: str = "") -> str:
    return server.url_of(database).replace("//hodei@", f"//{user}@") + more


@pytest.mark.parametrize(
    ("user", "database", "more", "words"),
    [
        (
            "asked:wrong",
            "hodei",
            "",
            'password authentication failed for user "asked"; mend user or password',
        ),
        ("asked", "hodei", "", "no password supplied; write the password"),
        ("asked:right", "postgres", "", 'permission denied for database "postgres"; GRANT CONNECT'),
        ("nobody", "hodei", "", 'role "nobody" does not exist; CREATE USER'),
        ("locked", "hodei", "", "is not permitted to log in; ALTER ROLE"),
        ("hodei", "nosuch", "", 'database "nosuch" does not exist; CREATE DATABASE'),
        ("hodei", "closed", "", "is not currently accepting connections; ALTER DATABASE"),
        ("stranger", "hodei", "", "no pg_hba.conf entry"),
        ("hodei", "hodei", "&options=-cnosuch%3D1", "unrecognized configuration parameter"),
        ("hodei", "hodei", "&channel_binding=require", "channel binding required"),
    ],
)
async def test_what_waiting_cannot_mend_ends_at_once_with_what_to_do(
    strict: EmbeddedPostgres, user: str, database: str, more: str, words: str
) -> None:
    with pytest.raises(DatabaseRefused) as refused:
        await asyncio.wait_for(wait_for_database(url_of(strict, user, database, more)), 30)
    assert words in str(refused.value)
    assert "wrong" not in str(refused.value)
    assert "connection to server" not in str(refused.value)


async def test_a_service_that_is_not_there_ends_at_once_too(postgres_server: PostgresServer) -> None:
    with pytest.raises(DatabaseRefused, match='definition of service "nosuch" not found; mend the service'):
        await asyncio.wait_for(wait_for_database("service=nosuch"), 30)


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        ("SSL error: certificate verify failed", "sslrootcert"),
        ('server certificate for "a" does not match host name "b"', "mend host"),
        ('root certificate file "/no" does not exist', "sslrootcert"),
        ("server does not support SSL, but SSL was required", "sslmode"),
        ('certificate file "/no" does not exist', "sslcert"),
        ('private key file "/k" has group or world access', "sslkey"),
        ("SSL error: tlsv1 alert unknown ca", "sslcert"),
        ("FATAL:  connection requires a valid client certificate", "sslcert"),
        ("FATAL:  no such database: hodei", "CREATE DATABASE"),
        ("FATAL:  unsupported startup parameter: options", "options"),
    ],
)
def test_certificates_are_not_waited_for(said: str, mend: str) -> None:
    error = psycopg.OperationalError(
        f'connection failed: connection to server at "10.0.0.1", port 5432 failed: {said}'
    )
    refused = final(error)
    assert refused is not None
    assert refused.message.startswith(f"the database cannot be used: {said.removeprefix('FATAL:  ')}; ")
    assert mend in refused.message.rpartition("; ")[2]


@pytest.mark.parametrize(
    "said",
    [
        "Connection refused",
        "FATAL:  the database system is starting up",
        "FATAL:  sorry, too many clients already",
        "server closed the connection unexpectedly",
        "session is read-only",
    ],
)
def test_what_passes_is_waited_for(said: str) -> None:
    assert final(psycopg.OperationalError(f"connection failed: {said}")) is None


async def test_one_of_several_hosts_that_refuses_us_is_enough(strict: EmbeddedPostgres) -> None:
    there = strict.url.split("host=")[1].split("&")[0]
    url = f"postgresql://asked:wrong@/hodei?host=/nowhere,{there}&port=5432"
    with pytest.raises(DatabaseRefused, match="password authentication failed"):
        await asyncio.wait_for(wait_for_database(url), 30)


async def test_of_several_hosts_the_one_that_takes_writes_is_used(strict: EmbeddedPostgres) -> None:
    there = strict.url.split("host=")[1].split("&")[0]
    url = f"postgresql://hodei@/hodei?host=/nowhere,{there}&port=5432&target_session_attrs=read-write"
    await asyncio.wait_for(wait_for_database(url), 30)


async def test_a_database_that_takes_no_writes_is_waited_for_with_one_line(
    strict: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hodei.postgres")
    with psycopg.connect(strict.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE standby")
        connection.execute("ALTER DATABASE standby SET default_transaction_read_only = on")
        waiting = asyncio.create_task(wait_for_database(strict.url_of("standby")))
        while not caplog.records:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        connection.execute("ALTER DATABASE standby SET default_transaction_read_only = off")
    await asyncio.wait_for(waiting, 30)
    told = [(r.getMessage(), getattr(r, "reason", "")) for r in caplog.records]
    reason = "it takes no writes: it is a standby, or was set to be read-only"
    assert told == [("waiting for the database", reason), ("the database is there", "")]
