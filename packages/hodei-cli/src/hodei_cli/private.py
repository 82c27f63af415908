"""A server of one's own for the time of one command, where none runs: the stack with its embedded Postgres.

The server holds the reading end of a pipe whose writing end this process keeps. However this process ends,
kill -9 included, the pipe closes: the server cancels this process's jobs, stops what it started and leaves.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from hodei_domain.kernel.addresses import join

from hodei_cli.errors import CliError
from hodei_cli.exits import Exit
from hodei_cli.options import Options
from hodei_cli.server import Server, announced, data_dir, find, own_token
from hodei_cli.terminal import Waiting

# A first start makes a database cluster, on a slow disk under load.
START_SECONDS = 90.0
LEAVES_SECONDS = 1.0
STOP_SECONDS = 10.0
LOOK_AGAIN_SECONDS = 0.02
LOG_BYTES = 1024 * 1024

# -P: what lies in the caller's directory is not imported.
SERVER = (sys.executable, "-P", "-m", "hodei_grpc.main", "--ephemeral", "--port", "0")

# What makes a server somebody else's: the private one has its own database, port and token.
_NOT_FOR_A_PRIVATE_SERVER = (
    "HODEI_DATABASE_URL",
    "DATABASE_URL",
    "GRPC_PORT",
    "HODEI_BIND",
    "HODEI_DEV_MODE",
    "HODEI_SERVER",
    "HODEI_TOKEN",
)


class PrivateServer:
    """A server process that ends with this one."""

    def __init__(self, process: subprocess.Popen[bytes], owner: int, log: Path) -> None:
        self._process = process
        self._owner = owner
        self._log = log

    def own(self, job_id: str) -> None:
        """Tell it which job is ours: when we are gone it is cancelled, while it waits for those of others."""
        try:
            os.write(self._owner, f"{job_id}\n".encode())
        except BrokenPipeError:
            raise self.failure() from None

    def lives(self) -> bool:
        """True as long as the process runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """Let it go and wait for its end, unless it stays because somebody else's job runs there."""
        os.close(self._owner)
        deadline = time.monotonic() + LEAVES_SECONDS
        while self.lives() and self._is_announced() and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN_SECONDS)
        if not self._is_announced():
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)

    def _is_announced(self) -> bool:
        """True as long as others may find it: it takes its state file away first when it leaves."""
        return any(state.pid == self._process.pid for state in announced(self._log.parent))

    def failure(self) -> CliError:
        """What to tell when it has ended by itself: the end of its log."""
        last = tail(self._log, 1)  # the last line says it, and what is above may be a trace
        return CliError(
            "the private server could not go on", Exit.UNAVAILABLE, *last, f"All of it: {self._log}"
        )


@contextmanager
def found_or_started(options: Options) -> Iterator[tuple[Server, PrivateServer | None]]:
    """The server that runs, or a private one for as long as the context is open."""
    server = find(options)
    if server is not None:
        yield server, None
        return
    place = data_dir()
    with Waiting("Starting a private Hodei…"):
        started = _started_by_one(options, place)
    if isinstance(started, Server):  # another command was faster
        yield started, None
        return
    private, address = started
    try:
        yield Server(address, options.token or own_token(), here=True), private
    finally:
        private.close()


def _started_by_one(options: Options, place: Path) -> Server | tuple[PrivateServer, str]:
    """Of several commands that find no server at once the first starts one, and the others find it."""
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = open(place / "start.lock", "a")  # noqa: SIM115  (closed below, by the with)
    except OSError as error:
        raise CliError(
            f"HODEI_DATA_DIR: cannot write to {place}: {error.strerror}",
            Exit.UNAVAILABLE,
            "Name another directory.",
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _when_the_last_has_left(options, place) or _start(place)


def _when_the_last_has_left(options: Options, place: Path) -> Server | None:
    """Wait for a server that is leaving to be gone, or for one that somebody else starts to be there.

    The embedded Postgres keeps `postgres.lock` locked from its start until the last of its processes is gone.
    """
    deadline = time.monotonic() + START_SECONDS
    with open(place / "postgres.lock", "a") as lock:
        while time.monotonic() < deadline:
            server = find(options)
            if server is not None:
                return server
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(LOOK_AGAIN_SECONDS)  # nobody tells when a lock is free or a server there
            else:
                return None
    return None  # the server that is started now says who holds it


def _start(place: Path) -> tuple[PrivateServer, str]:
    ready, ready_server = os.pipe()
    owner_server, owner = os.pipe()
    log = place / "run-server.log"
    with _log_file(log) as log_file:
        process = subprocess.Popen(
            [*SERVER, "--ready-fd", str(ready_server), "--owner-fd", str(owner_server)],
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            pass_fds=(ready_server, owner_server),
            env=environment(os.environ, place),
            start_new_session=True,  # Ctrl-C is for the job, and the server must be there to cancel it
        )
    os.close(ready_server)
    os.close(owner_server)
    private = PrivateServer(process, owner, log)
    try:
        return private, join("127.0.0.1", _port(ready, private))
    except BaseException:
        private.close()
        raise
    finally:
        os.close(ready)


def environment(own: Mapping[str, str], place: Path) -> dict[str, str]:
    """The private server's environment."""
    kept = {name: value for name, value in own.items() if name not in _NOT_FOR_A_PRIVATE_SERVER}
    return kept | {"HODEI_DATA_DIR": str(place)}


def _port(ready: int, private: PrivateServer) -> int:
    """Wait for the line of JSON that says where it serves."""
    deadline = time.monotonic() + START_SECONDS
    said = b""
    while not said.endswith(b"\n"):
        readable, _, _ = select.select([ready], [], [], max(deadline - time.monotonic(), 0))
        piece = os.read(ready, 4096) if readable else b""
        if not piece:  # too late, or it ended
            raise private.failure()
        said += piece
    return int(json.loads(said)["port"])


@contextmanager
def _log_file(path: Path) -> Iterator[int]:
    """The log to append to; a big one is begun again."""
    keep = os.O_APPEND if not path.exists() or path.stat().st_size < LOG_BYTES else os.O_TRUNC
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | keep, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a text file; none if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []
