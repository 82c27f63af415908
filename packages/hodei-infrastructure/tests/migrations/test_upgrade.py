"""The schema's history: applied by us, by Alembic, and described by SQLAlchemy, all three the same."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hodei_domain.jobs.spec import Priority
from hodei_domain.jobs.state import ACTIVE, LEGAL, OVER, JobState
from hodei_domain.providers.provider import ProviderStatus, ProviderType
from hodei_domain.workers.state import WorkerState
from hodei_infrastructure.migrations.files import head, revisions
from hodei_infrastructure.migrations.upgrade import PostgresTooOld, SchemaTooNew, current, migrate, refuse_old
from hodei_infrastructure.postgres.tables import is_comparable, metadata
from hodei_infrastructure.postgres.testing import PostgresServer

from alembic import command

pytestmark = pytest.mark.postgres

INI = Path(__file__).parents[4] / "alembic" / "alembic.ini"

# Everything that tells two schemas apart, as Postgres itself spells it.
CATALOG = """
SELECT 'column', table_name || '.' || column_name,
    concat_ws(' ', data_type, is_nullable, column_default, identity_generation)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL
SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'storage', relname, array_to_string(ARRAY(SELECT unnest(reloptions) ORDER BY 1), ',') FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""


def catalog(url: str) -> dict[tuple[str, str], str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(CATALOG).fetchall()
    return {(kind, name): text for kind, name, text in rows if "alembic_version" not in name}


def engine_of(url: str) -> sa.Engine:
    return sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)


def alembic(url: str) -> Config:
    config = Config(INI)
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


async def revision_of(url: str) -> str | None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return await current(connection)


async def test_an_empty_database_is_brought_to_the_newest_schema(empty_database_url: str) -> None:
    assert await revision_of(empty_database_url) is None
    await migrate(empty_database_url)
    assert await revision_of(empty_database_url) == head()
    before = catalog(empty_database_url)
    await migrate(empty_database_url)
    assert catalog(empty_database_url) == before


def test_the_newest_file_is_the_head_that_alembic_sees() -> None:
    scripts = ScriptDirectory.from_config(Config(INI))
    assert scripts.get_current_head() == head()
    assert [script.revision for script in scripts.walk_revisions()][::-1] == [r.number for r in revisions()]


def test_the_newest_schema_is_what_sqlalchemy_describes(
    postgres_server: PostgresServer, database_url: str
) -> None:
    described = postgres_server.create(empty=True)
    try:
        engine = engine_of(described)
        metadata.create_all(engine)
        assert catalog(database_url) == catalog(described)
    finally:
        postgres_server.drop(described)


def test_alembic_finds_nothing_to_change(database_url: str) -> None:
    with engine_of(database_url).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": is_comparable}
        )
        assert compare_metadata(context, metadata) == []


async def test_alembic_makes_the_same_schema_and_each_takes_over_from_the_other(
    empty_database_url: str, database_url: str
) -> None:
    await asyncio.to_thread(command.upgrade, alembic(empty_database_url), "head")
    assert catalog(empty_database_url) == catalog(database_url)
    assert await revision_of(empty_database_url) == head()
    await migrate(empty_database_url)  # has nothing to do
    await asyncio.to_thread(command.upgrade, alembic(database_url), "head")
    await asyncio.to_thread(command.check, alembic(database_url))


def test_alembic_can_print_the_statements(capsys: pytest.CaptureFixture[str]) -> None:
    command.upgrade(alembic("postgresql://nobody@nowhere/nothing"), "head", sql=True)
    printed = capsys.readouterr().out
    assert "CREATE TABLE jobs (" in printed
    assert f"SET version_num='{head()}'" in printed


async def test_replicas_that_start_at_once_upgrade_once(empty_database_url: str) -> None:
    await asyncio.gather(*(migrate(empty_database_url) for _ in range(5)))
    assert await revision_of(empty_database_url) == head()


async def test_an_upgrade_that_fails_leaves_nothing_half_done(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE theirs (id integer)")
        connection.execute("CREATE INDEX jobs_idempotency_key ON theirs (id)")
    with pytest.raises(psycopg.errors.DuplicateTable):
        await migrate(empty_database_url)
    assert await revision_of(empty_database_url) is None
    assert ("column", "jobs.id") not in catalog(empty_database_url)


async def test_a_schema_one_revision_ahead_is_served_and_one_further_ahead_is_not(database_url: str) -> None:
    for ahead, served in ((1, True), (2, False)):
        with psycopg.connect(database_url) as connection:
            newer = f"{int(head()) + ahead:04d}"
            connection.execute("UPDATE alembic_version SET version_num = %s", (newer,))
        if served:
            await migrate(database_url)
        else:
            with pytest.raises(SchemaTooNew, match=newer):
                await migrate(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(newer,)]


def test_a_server_that_is_too_old_is_named() -> None:
    refuse_old(140000)
    with pytest.raises(PostgresTooOld, match="is Postgres 13"):
        refuse_old(130022)


def test_starting_on_the_newest_schema_loads_no_sqlalchemy(database_url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from hodei_infrastructure.postgres.store import open_store\n"
        "async def main():\n"
        "    async with open_store(sys.argv[1]) as store, store.begin() as tx:\n"
        "        assert await tx.queue.depth() == 0\n"
        "asyncio.run(main())\n"
        "print(sorted({'sqlalchemy', 'alembic', 'mako', 'pytest'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, database_url], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_an_upgrade_loads_no_sqlalchemy_either(empty_database_url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from hodei_infrastructure.migrations.upgrade import migrate\n"
        "asyncio.run(migrate(sys.argv[1]))\n"
        "print(sorted({'sqlalchemy', 'alembic', 'mako'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, empty_database_url], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def values_in(definition: str) -> set[str]:
    return {part.split("'")[1] for part in definition.split(",") if "'" in part}


def test_the_checks_of_the_newest_schema_list_what_the_domain_lists(database_url: str) -> None:
    found = {name: text for (kind, name), text in catalog(database_url).items() if kind == "constraint"}
    assert values_in(found["jobs.jobs_state"]) == set(JobState)
    assert values_in(found["workers.workers_state"]) == set(WorkerState)
    assert values_in(found["providers.providers_type"]) == set(ProviderType)
    assert values_in(found["providers.providers_status"]) == set(ProviderStatus)
    assert values_in(found["jobs.jobs_ended_completed"]) == set(OVER)
    assert values_in(found["jobs.jobs_active_attempt"]) == set(ACTIVE)
    for table in ("jobs.jobs", "job_queue.job_queue"):
        assert f">= {min(Priority)}" in found[f"{table}_priority"]
        assert f"<= {max(Priority)}" in found[f"{table}_priority"]


def test_the_states_that_absorb_in_the_database_are_those_without_a_way_out() -> None:
    assert {state for state, following in LEGAL.items() if not following} == OVER
