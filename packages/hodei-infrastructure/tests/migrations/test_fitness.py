"""Databases that are not fit for us: refused with what to do, and left as they are."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from hodei_infrastructure.migrations.files import head
from hodei_infrastructure.migrations.fitness import SchemaTooNew
from hodei_infrastructure.migrations.upgrade import migrate
from hodei_infrastructure.postgres.refusals import DatabaseRefused
from hodei_infrastructure.postgres.testing import PostgresServer

pytestmark = pytest.mark.postgres

VERSIONS = "CREATE TABLE alembic_version (version_num text)"


def tell(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {row[0] for row in rows}


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_a_database_that_cannot_keep_every_text_is_refused(
    postgres_server: PostgresServer, encoding: str
) -> None:
    name = f"hodei_test_{uuid4().hex}"
    tell(postgres_server.url, f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    url = postgres_server.url_of(name)
    try:
        with pytest.raises(DatabaseRefused, match=f"is in {encoding}.*ENCODING 'UTF8'.*TEMPLATE template0"):
            await migrate(url)
        assert tables(url) == set()
    finally:
        postgres_server.drop(url)


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (("CREATE TABLE jobs (theirs integer)",), "has a table jobs that is not Hodei's"),
        (("CREATE TABLE metrics_usage (theirs integer)",), "has a table metrics_usage that is not"),
        (
            (
                VERSIONS,
                "INSERT INTO alembic_version VALUES ('1a2b3c')",
            ),
            r"alembic_version \(1a2b3c\) is not Hodei's",
        ),
        (
            (
                VERSIONS,
                "INSERT INTO alembic_version VALUES ('0001')",
            ),
            "says 0001, and the table audit_logs is not there",
        ),
        (
            (
                VERSIONS,
                "INSERT INTO alembic_version VALUES ('4711')",
            ),
            r"alembic_version \(4711\) is not Hodei's",
        ),
        (
            (
                VERSIONS,
                "INSERT INTO alembic_version VALUES ('aa'), ('bb')",
            ),
            r"alembic_version \(aa, bb\) is not Hodei's",
        ),
        ((VERSIONS,), r"alembic_version \(no revision\)"),
    ],
)
async def test_another_programs_database_is_left_as_it_is(
    empty_database_url: str, statements: tuple[str, ...], words: str
) -> None:
    tell(empty_database_url, *statements)
    before = tables(empty_database_url)
    with pytest.raises(DatabaseRefused, match=f"{words}.*a database of its own"):
        await migrate(empty_database_url)
    assert tables(empty_database_url) == before


async def test_several_heads_in_our_own_schema_are_refused(database_url: str) -> None:
    tell(database_url, "INSERT INTO alembic_version VALUES ('0001')")
    with pytest.raises(DatabaseRefused, match="0001"):
        await migrate(database_url)


async def test_a_schema_of_a_newer_release_is_told_from_a_foreign_one(database_url: str) -> None:
    tell(database_url, "UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(SchemaTooNew, match=r"0999.*newer release"):
        await migrate(database_url)


@pytest.fixture
def other_user(postgres_server: PostgresServer) -> Iterator[str]:
    """A user that owns nothing; where no password is asked for."""
    name = f"guest_{uuid4().hex[:8]}"
    tell(postgres_server.url, f"CREATE ROLE {name} LOGIN")
    yield name
    tell(postgres_server.url, f"DROP ROLE IF EXISTS {name}")


async def test_the_right_to_make_tables_is_named(empty_database_url: str, other_user: str) -> None:
    tell(empty_database_url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with pytest.raises(DatabaseRefused, match=f"{other_user} lacks the right CREATE on schema public; GRANT"):
        await migrate(f"{empty_database_url}&options=-crole%3D{other_user}")


async def test_the_rights_on_a_table_are_named(database_url: str, other_user: str) -> None:
    tell(
        database_url,
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {other_user}",
        f"GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {other_user}",
    )
    try:
        with pytest.raises(DatabaseRefused, match="lacks the right DELETE on table audit_logs; GRANT DELETE"):
            await migrate(f"{database_url}&options=-crole%3D{other_user}")
    finally:
        tell(database_url, f"DROP OWNED BY {other_user}")


async def test_a_schema_that_is_not_there_is_named(empty_database_url: str) -> None:
    with pytest.raises(DatabaseRefused, match=r"search_path \(nowhere\) names no schema"):
        await migrate(f"{empty_database_url}&options=-csearch_path%3Dnowhere")


async def test_tables_may_lie_in_a_schema_of_their_own(empty_database_url: str) -> None:
    tell(empty_database_url, "CREATE SCHEMA ours", "CREATE TABLE jobs (theirs integer)")
    url = f"{empty_database_url}&options=-csearch_path%3Dours"
    await migrate(url)
    await migrate(url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(head(),)]
