"""A private server starts for one command, ends with it however that ends, and is shared meanwhile."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hodei_cli import private
from hodei_cli.errors import CliError
from hodei_cli.options import Options
from hodei_cli.private import found_or_started
from hodei_grpc.methods import JobExecutionService, LogStreamService
from hodei_proto.wire import hodei as wire


@pytest.fixture
def nobody_on_the_default_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hodei_cli.server.DEFAULT_PORT", 1)


@pytest.fixture
def stand_in(
    place: Path, monkeypatch: pytest.MonkeyPatch, nobody_on_the_default_port: None, stand_in_script: str
) -> Iterator[int]:
    """A private server whose port is one that the test listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        monkeypatch.setattr(private, "SERVER", (sys.executable, "-c", stand_in_script, str(port)))
        yield port


def starts(place: Path) -> list[int]:
    return [int(line) for line in (place / "started").read_text().split()]


def test_it_serves_as_long_as_it_is_needed(place: Path, stand_in: int) -> None:
    with found_or_started(Options()) as (server, process):
        assert server.address == f"127.0.0.1:{stand_in}"
        assert server.here
        assert process is not None
        assert process.lives()
    assert not process.lives()


def test_of_two_at_once_one_starts_it_and_both_have_it(place: Path, stand_in: int) -> None:
    barrier, both = threading.Barrier(2), threading.Barrier(2)
    addresses = []

    def use() -> None:
        barrier.wait(30)
        with found_or_started(Options()) as (server, _):
            addresses.append(server.address)
            both.wait(30)

    users = [threading.Thread(target=use) for _ in range(2)]
    for each in users:
        each.start()
    for each in users:
        each.join()
    assert addresses == [f"127.0.0.1:{stand_in}"] * 2
    assert len(starts(place)) == 1


def test_a_server_that_stays_for_others_is_not_waited_for(
    place: Path, stand_in: int, stand_in_script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays = stand_in_script.replace("os.remove", "import signal; signal.pause(); os.remove")
    monkeypatch.setattr(private, "SERVER", (sys.executable, "-c", stays, str(stand_in)))
    monkeypatch.setattr(private, "LEAVES_SECONDS", 0.1)
    monkeypatch.setattr(private, "STOP_SECONDS", 1000.0)
    with found_or_started(Options()) as (_, process):
        assert process is not None
    assert process.lives()
    (started,) = starts(place)
    ended = os.pidfd_open(started)
    os.kill(started, signal.SIGKILL)
    select.select([ended], [], [], 30)
    os.close(ended)
    assert not process.lives()


def test_a_server_that_cannot_start_tells_why(
    place: Path, monkeypatch: pytest.MonkeyPatch, nobody_on_the_default_port: None
) -> None:
    broken = (sys.executable, "-c", "import sys; sys.exit('HODEI_LOG_LEVEL: loud is none of debug, info')")
    monkeypatch.setattr(private, "SERVER", broken)
    with pytest.raises(CliError) as failure, found_or_started(Options()):
        pass
    assert failure.value.exit == 69
    assert "HODEI_LOG_LEVEL: loud is none of debug, info" in failure.value.hints


def test_a_server_that_says_nothing_is_given_up(
    place: Path, monkeypatch: pytest.MonkeyPatch, nobody_on_the_default_port: None
) -> None:
    silent = (sys.executable, "-c", "import sys, os; os.read(int(sys.argv[-1]), 1)")
    monkeypatch.setattr(private, "SERVER", silent)
    monkeypatch.setattr(private, "START_SECONDS", 0.2)
    with pytest.raises(CliError), found_or_started(Options()):
        pass


def test_a_data_directory_that_cannot_be_made_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nobody_on_the_default_port: None
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HODEI_DATA_DIR", str(tmp_path / "file" / "data"))
    with pytest.raises(CliError, match="HODEI_DATA_DIR"), found_or_started(Options()):
        pass


def test_it_has_nothing_of_another_servers_settings(tmp_path: Path) -> None:
    own = {
        "DATABASE_URL": "x",
        "HODEI_DATABASE_URL": "x",
        "GRPC_PORT": "1",
        "HODEI_DEV_MODE": "1",
        "PATH": "/bin",
    }
    assert private.environment(own, tmp_path) == {"PATH": "/bin", "HODEI_DATA_DIR": str(tmp_path)}


def test_its_log_does_not_grow_for_ever(place: Path, stand_in: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "LOG_BYTES", 10)
    log = place / "run-server.log"
    log.write_text("x" * 100)
    with found_or_started(Options()):
        assert log.stat().st_size == 0


def test_a_command_that_is_killed_takes_its_server_along(
    place: Path, server: Any, monkeypatch: pytest.MonkeyPatch, stand_in_script: str
) -> None:
    held = threading.Event()

    def stream(_: object) -> Iterator[wire.LogChunk]:
        held.wait(30)
        return iter(())

    queued = wire.QueueJobResponse(job_id=wire.JobId(value="7"))
    server.answers[JobExecutionService.queue_job] = lambda _: queued
    server.answers[LogStreamService.subscribe_log_chunks] = stream
    monkeypatch.delenv("HODEI_SERVER")
    script = (
        "import sys, hodei_cli.private as p, hodei_cli.server as s\n"
        "p.SERVER, s.DEFAULT_PORT = (sys.executable, '-c', *sys.argv[1:]), 1\n"
        "from hodei_cli.main import run\n"
        "run(['run', '--', 'x'])"
    )
    command = subprocess.Popen([sys.executable, "-c", script, stand_in_script, server.address.split(":")[1]])
    server.wait_for("SubscribeLogChunks")
    (started,) = starts(place)
    ended = os.pidfd_open(started)
    command.kill()
    command.wait()
    assert select.select([ended], [], [], 30)[0]
    os.close(ended)
    held.set()
