"""A database that is not there yet, or goes for a while: the server waits with one clear line and goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hodei_infrastructure.embedded.server import EmbeddedPostgres
from hodei_infrastructure.embedded.tuning import Tuning


class Database:
    """A Postgres that can be stopped and started behind one address."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._address = place / "socket"
        self._server: EmbeddedPostgres | None = None
        self.url = f"postgresql://hodei@/hodei?host={self._address}&port=5432"

    def start(self) -> None:
        """Be reachable."""
        self._server = EmbeddedPostgres(self._place / "files", Tuning(fast=True))
        url = self._server.start()
        self._address.symlink_to(url.split("host=")[1].split("&")[0])

    def stop(self) -> None:
        """Be gone, together with all connections."""
        if self._server is not None:
            self._address.unlink()
            self._server.stop()
            self._server = None


@pytest.fixture
def database(postgres_url: str, tmp_path: Path) -> Iterator[Database]:
    """Not started. The session's server is asked for so that machines without Postgres skip."""
    found = Database(tmp_path)
    yield found
    found.stop()


@contextmanager
def once(condition: Callable[[], bool], deed: Callable[[], None]) -> Iterator[None]:
    """Do it as soon as the condition holds, while the context is open."""
    over = threading.Event()

    def watch() -> None:
        while not condition():
            if over.wait(0.05):
                return
        deed()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join(120)
        assert not watcher.is_alive(), "the deed does not end"


@pytest.mark.e2e
def test_a_server_waits_for_its_database_with_one_line_and_then_serves(
    database: Database, tmp_path: Path, run_server: Any
) -> None:
    log = tmp_path / "server.log"

    def waits() -> bool:
        return log.exists() and "waiting for the database" in log.read_text()

    with once(waits, database.start), run_server(database.url, tmp_path) as found:
        assert found.run("true").state == "SUCCEEDED"
    assert log.read_text().lower().count("waiting for the database") == 1
    assert "Traceback" not in log.read_text()


@pytest.mark.e2e
def test_a_job_outlives_a_restart_of_the_database_and_loses_no_output(
    database: Database, tmp_path: Path, run_server: Any
) -> None:
    database.start()
    stop, go = tmp_path / "stopped", tmp_path / "go"
    script = f"""
        for n in $(seq 1 1000); do echo before $n; done
        touch {stop}
        while [ ! -e {go} ]; do sleep 0.05; done
        for n in $(seq 1 1000); do echo after $n; done
    """
    with run_server(database.url, tmp_path) as found:
        job = found.queue(script)
        restarted = threading.Event()

        def restart() -> None:
            database.stop()
            go.touch()
            database.start()
            restarted.set()

        with once(stop.exists, restart):
            assert restarted.wait(60)
        assert found.wait(job).state == "SUCCEEDED"
        expected = [f"{word} {n}\n" for word in ("before", "after") for n in range(1, 1001)]
        assert found.output(job).decode() == "".join(expected)
        assert found.run("true").state == "SUCCEEDED"
        attempts = found.sql("SELECT attempt FROM jobs WHERE id = %s", job)
    assert attempts == [(1,)]
    assert "Traceback" not in (tmp_path / "server.log").read_text()
