"""An upgrade while others are at the database: it waits, says for whom, and has nobody wait behind it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import psycopg
import pytest
from hodei_infrastructure.migrations import upgrade
from hodei_infrastructure.migrations.files import LOCK, Revision, head, revisions

pytestmark = pytest.mark.postgres


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One more revision, which changes the audit trail."""
    number = f"{int(head()) + 1:04d}"
    file = tmp_path / "next.sql"
    file.write_text("ALTER TABLE audit_logs ADD COLUMN one_more text")
    more = (*revisions(), Revision(number, file))
    for place in ("files", "upgrade", "fitness"):
        monkeypatch.setattr(f"hodei_infrastructure.migrations.{place}.revisions", lambda: more)
        monkeypatch.setattr(f"hodei_infrastructure.migrations.{place}.head", lambda: number)
    monkeypatch.setattr(upgrade, "PAUSE_S", 0.05)
    return number


async def until_said(caplog: pytest.LogCaptureFixture, text: str) -> str:
    async with asyncio.timeout(30):
        while True:
            for record in caplog.records:
                if text in record.getMessage():
                    return record.getMessage()
            await asyncio.sleep(0.01)


async def test_a_backup_is_waited_for_and_nobody_queues_behind_the_upgrade(
    database_url: str, newer: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with psycopg.connect(database_url, application_name="pg_dump") as backup:
        backup.execute("SELECT count(*) FROM audit_logs")  # until its transaction ends
        upgrading = asyncio.create_task(upgrade.migrate(database_url))
        said = await until_said(caplog, "waiting to upgrade")
        assert f"pg_dump of hodei (process {backup.info.backend_pid}, since " in said
        assert said.endswith("has table audit_logs locked")
        with psycopg.connect(database_url) as reader:  # a reader gets its turn
            reader.execute("SET lock_timeout = '10s'")
            reader.execute("SELECT count(*) FROM audit_logs")
        assert not upgrading.done()
    await asyncio.wait_for(upgrading, 30)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(newer,)]
    assert len([r for r in caplog.records if "waiting to upgrade" in r.getMessage()]) == 1


async def test_that_another_server_upgrades_is_said(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(upgrade, "PAUSE_S", 0.05)
    with psycopg.connect(empty_database_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        upgrading = asyncio.create_task(upgrade.migrate(empty_database_url))
        await until_said(caplog, "waiting to upgrade the database: another server is upgrading it")
    await asyncio.wait_for(upgrading, 30)
