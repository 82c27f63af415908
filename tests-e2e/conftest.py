"""The assembled system as users start it: the command line, a server, workers that come by themselves."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PATIENCE_SECONDS = 60.0
SCREENSHOTS = Path(__file__).resolve().parents[1] / "build" / "screenshots"
BEGUN = time.time()


class Done(NamedTuple):
    """What a command left behind."""

    status: int
    out: bytes
    err: bytes


class Machine:
    """A data directory of its own, and the commands that were started on it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.greeting = ""  # what `hodei up` said last
        self._started: list[subprocess.Popen[bytes]] = []

    def environment(self, **variables: str) -> dict[str, str]:
        """This process's environment without any setting of Hodei's but the data directory, and without
        Docker, which this machine may have or not.
        """
        ours = ("DATABASE_URL", "GRPC_PORT", "COVERAGE_PROCESS_START")
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HODEI_") and k not in ours}
        return (
            kept
            | {
                "HODEI_DATA_DIR": str(self.place),
                "HODEI_DOCKER_ENABLED": "0",
                "HODEI_REST_PORT": "0",  # the usual ports are for one server of the machine
                "HODEI_METRICS_PORT": "0",
            }
            | variables
        )

    def start(
        self, *arguments: str, cwd: Path | None = None, stdin: int = subprocess.DEVNULL, **variables: str
    ) -> subprocess.Popen[bytes]:
        """Start the command line as a process of its own, with pipes."""
        return self._start("hodei_cli", arguments, variables, cwd=cwd, stdin=stdin)

    def start_program(self, module: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start one of the programs by its module, with pipes."""
        return self._start(module, arguments, variables)

    def serve(self, module: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a program that stays and writes a log, which a pipe that nobody reads would hold up."""
        with open(self.place.parent / "server.log", "ab") as log:
            return self._start(module, arguments, variables, stderr=log.fileno())

    def _start(
        self, module: str, arguments: Iterable[str], variables: dict[str, str], **streams: Any
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            **{"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE} | streams,
            stdout=subprocess.PIPE,
            env=self.environment(**variables),
        )
        self._started.append(process)
        return process

    def run(
        self, *arguments: str, cwd: Path | None = None, stdin: bytes | None = None, **variables: str
    ) -> Done:
        """Run one command line to its end."""
        source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
        process = self.start(*arguments, cwd=cwd, stdin=source, **variables)
        out, err = process.communicate(stdin, timeout=PATIENCE_SECONDS)
        return Done(process.returncode, out, err)

    def words(self) -> str:
        """The end of what the server has said."""
        log = self.place.parent / "server.log"
        return log.read_text(errors="replace")[-4000:] if log.exists() else "nothing"

    def up(self, *arguments: str, **variables: str) -> str:
        """Start the platform on a free port and return its address as soon as it serves."""
        process = self.serve("hodei_cli", "up", "--port", "0", *arguments, **variables)
        assert process.stdout is not None
        seen = b""
        while b"hodei run" not in seen:  # among the next steps, which it prints when it serves
            assert select.select([process.stdout], [], [], PATIENCE_SECONDS)[0], f"silent after {seen!r}"
            piece = os.read(process.stdout.fileno(), 4096)
            assert piece, self.words()
            seen += piece
        self.greeting = seen.decode()
        address: str = json.loads((self.place / "server.json").read_text())["address"]
        return address

    def servers(self) -> list[subprocess.Popen[bytes]]:
        """What was started and still runs."""
        return [process for process in self._started if process.poll() is None]

    def interrupt(self) -> None:
        """Press Ctrl-C where the platform runs, and wait for its end."""
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=PATIENCE_SECONDS)
                assert process.returncode == 0

    def processes(self, but: str | None = None) -> list[int]:
        """Every process that has to do with this machine: servers, agents, Postgres; not the jobs' own.

        `but` leaves out those whose command line or environment has that text.
        """
        said = {pid: _said_of(pid) for pid in _pids()}
        ours = {pid for pid, text in said.items() if str(self.place).encode() in text}
        return sorted(pid for pid in ours if but is None or but.encode() not in said[pid])

    def close(self) -> None:
        """End what is left, the last one first."""
        for process in reversed(self._started):
            if process.poll() is None:
                process.terminate()
            try:
                process.communicate(timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate(timeout=PATIENCE_SECONDS)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) != os.getpid()]


def _said_of(pid: int) -> bytes:
    """Command line and environment of a process; nothing of one that has gone or is another user's."""
    found = b""
    for name in ("cmdline", "environ"):
        with suppress(OSError):
            found += Path(f"/proc/{pid}/{name}").read_bytes()
    return found


@pytest.fixture
def wait_for_the_end() -> Callable[[Iterable[int]], None]:
    """Waits until each of the processes has ended; fails when one does not."""

    def wait(pids: Iterable[int]) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                ended = os.pidfd_open(pid)
                gone = select.select([ended], [], [], PATIENCE_SECONDS)[0]
                os.close(ended)
                assert gone, f"{pid} is still there: {_said_of(pid)[:300]!r}"

    return wait


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine of the test's own."""
    machine = Machine(tmp_path / "data")
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def shared_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine for all tests of a file."""
    machine = Machine(tmp_path_factory.mktemp("machine") / "data")
    yield machine
    machine.close()


Need = Callable[[str, object, str], None]


@pytest.fixture(scope="session")
def need() -> Need:
    """Skips with the reason, or fails where HODEI_REQUIRE says that this machine has the service."""

    def need(service: str, found: object, reason: str) -> None:
        if not found and service in os.environ.get("HODEI_REQUIRE", "").split(","):
            pytest.fail(f"HODEI_REQUIRE names {service}, and there is {reason}")
        if not found:
            pytest.skip(reason)

    return need


@pytest.fixture(scope="session")
def need_images(need: Need) -> Callable[..., None]:
    """Call it with the images that a test runs jobs in."""

    def need_all(*images: str) -> None:
        need("docker", shutil.which("docker"), "no docker on PATH")
        missing = [each for each in images if _docker("image", "inspect", each)]
        need("docker", not missing, f"no image {', '.join(missing)}")

    return need_all


def _docker(*arguments: str) -> int:
    return subprocess.run(("docker", *arguments), capture_output=True, check=False).returncode


@pytest.fixture(scope="session")
def grpcurl(need: Need) -> str:
    """A reflection client that is not ours: HODEI_GRPCURL, or grpcurl on PATH."""
    found = os.environ.get("HODEI_GRPCURL") or shutil.which("grpcurl")
    need("reflection-client", found, "no grpcurl on PATH and none in HODEI_GRPCURL")
    return str(found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the pictures of the dashboard are that this run has made."""
    made = [each for each in SCREENSHOTS.glob("*.png") if each.stat().st_mtime >= BEGUN]
    if made:
        terminalreporter.write_line(f"{len(made)} screenshots of the dashboard are in {SCREENSHOTS}")
