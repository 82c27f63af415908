"""The database as a person asks it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hodei_domain.kernel.errors import Unavailable
from hodei_infrastructure.asking import address, shown_address
from hodei_infrastructure.bootstrap import database_look
from hodei_infrastructure.embedded.server import EmbeddedPostgres
from hodei_infrastructure.embedded.tuning import Tuning
from hodei_infrastructure.postgres.refusals import DatabaseRefused
from hodei_infrastructure.postgres.testing import PostgresServer
from hodei_infrastructure.settings import from_environment

pytestmark = pytest.mark.postgres

PSQL = """
import sys
from hodei_infrastructure.bootstrap import from_environment, psql
psql(from_environment(), sys.argv[1:])
"""


def test_the_embedded_database_is_found_while_it_runs_and_asked_by_psql(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    environ = {"HOME": str(tmp_path), "HODEI_DATA_DIR": str(tmp_path / "data")}
    settings = from_environment(environ)
    with pytest.raises(Unavailable, match=r"comes and goes with its server.*hodei up"):
        address(settings)
    server = EmbeddedPostgres(tmp_path / "data", Tuning(fast=True))
    server.start()
    try:
        assert address(settings) == shown_address(settings) == server.url
        command = [sys.executable, "-c", PSQL, "-Atc", "SELECT current_database()"]
        told = subprocess.run(
            command, env={**os.environ, **environ}, capture_output=True, text=True, check=True, timeout=60
        )
        assert told.stdout.strip() == "hodei"
        assert database_look(settings).startswith(f"{server.url}: Postgres ")
    finally:
        server.stop()


def test_the_named_database_is_shown_without_its_password_and_looked_at(
    database_url: str, postgres_server: PostgresServer
) -> None:
    named = from_environment({"HOME": "/", "HODEI_DATABASE_URL": f"{database_url}&password=hunter2"})
    assert "hunter2" not in database_look(named)
    gone = from_environment({"HOME": "/", "HODEI_DATABASE_URL": postgres_server.url_of("nosuch")})
    with pytest.raises(DatabaseRefused, match='database "nosuch" does not exist; CREATE DATABASE'):
        database_look(gone)
