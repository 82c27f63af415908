"""One server on one data directory: a lock that lasts as long as the last of its holders.

The lock belongs to the open file, and the Postgres process inherits that file. So it is free only when both
our process and Postgres are gone, also after a SIGKILL of either, and no stale lock has to be cleared away.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from attrs import frozen

from hodei_infrastructure.embedded.errors import ClusterInUse

NAME = "postgres.lock"
PATIENCE = timedelta(seconds=20)  # for the Postgres of a server that died: it still has to notice
SOCKET_DIR_PREFIX = "hodei-pg-"
_PAUSE_S = 0.01


@frozen
class Holder:
    """Who took the lock: process, the tick of its start (process ids come again), its socket directory."""

    pid: int
    started: int
    socket_dir: str

    @property
    def is_alive(self) -> bool:
        """Whether that very process runs."""
        return self.started != 0 and start_tick(self.pid) == self.started


class ClusterLock:
    """Holds the lock of a data directory from `take` to `release`."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / NAME
        self.fd = -1

    def take(self, socket_dir: Path, patience: timedelta = PATIENCE) -> None:
        """Take the lock. Raise ClusterInUse, at once if its holder lives, else after `patience`.

        Removes the socket directory of a holder that could not do it itself.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait(fd, time.monotonic() + patience.total_seconds())
            if (last := _read(fd)) is not None and not last.is_alive:
                _remove_socket_dir(last.socket_dir)
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()} {start_tick(os.getpid())} {socket_dir}\n".encode(), 0)
        except BaseException:
            os.close(fd)
            raise
        self.fd = fd

    def release(self) -> None:
        """Give our hold back. Doing so twice changes nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _wait(self, fd: int, deadline: float) -> None:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            holder = _read(fd)
            if holder is not None and holder.is_alive:
                raise ClusterInUse(
                    f"the data directory {self._path.parent} is in use by the server with process id "
                    f"{holder.pid}. Stop that one, or choose another HODEI_DATA_DIR",
                    holder.pid,
                )
            if time.monotonic() > deadline:
                raise ClusterInUse(
                    f"a Postgres of a server that is gone still uses {self._path.parent}; "
                    f"`fuser {self._path}` tells its process id",
                    None,
                )
            time.sleep(_PAUSE_S)


def holder_of(data_dir: Path) -> Holder | None:
    """Whose process holds the lock of this data directory now, None if nobody's does."""
    try:
        fd = os.open(data_dir / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        holder = _read(fd)
    finally:
        os.close(fd)
    return holder if holder is not None and holder.is_alive else None


def start_tick(pid: int) -> int:
    """When the process started, in clock ticks since boot; 0 if there is none such."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(status.rpartition(")")[2].split()[19])  # proc(5): field 22, two stand before the bracket


def _read(fd: int) -> Holder | None:
    pid, _, rest = os.pread(fd, 4096, 0).decode(errors="replace").strip().partition(" ")
    started, _, socket_dir = rest.partition(" ")
    if not (pid.isdigit() and started.isdigit()):
        return None  # taken this instant, not written yet
    return Holder(int(pid), int(started), socket_dir)


def _remove_socket_dir(path: str) -> None:
    # The path comes from a file of ours; still remove only what looks like what we make.
    if Path(path).name.startswith(SOCKET_DIR_PREFIX):
        shutil.rmtree(path, ignore_errors=True)
