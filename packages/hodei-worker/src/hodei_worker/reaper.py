"""Collect every child that ends: the job's process, and the orphans it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass

PAGE = os.sysconf("SC_PAGE_SIZE")
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Exit:
    """How one process ended, and what it and the children it waited for had used."""

    status: int  # as of os.wait4
    cpu_seconds: float
    peak_memory_bytes: int
    touched_bytes: int = 0  # pages that it came to use, one by one

    @property
    def signal(self) -> int:
        """The signal that ended it, or 0."""
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else 0

    @property
    def exit_code(self) -> int:
        """The exit code; 128 + signal for a process that a signal ended, as a shell counts."""
        return 128 + self.signal if self.signal else os.WEXITSTATUS(self.status)


class Reaper:
    """Waits for all children of the agent through one SIGCHLD handler.

    One handler rather than a pidfd for each process, because orphans of a job become our children too (we are
    their subreaper, or process 1 of a container) and must be collected, although nobody ever told us their
    pids. While it is installed nothing else in the process may wait for children.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[Exit]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.orphan_cpu_seconds = 0.0
        self.adopts = False

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start collecting. Must be called in the main thread, the only one that gets signals."""
        loop.add_signal_handler(signal.SIGCHLD, self.collect)
        self._loop = loop
        self.adopts = self.is_init or become_subreaper()

    def close(self) -> None:
        """Stop collecting."""
        if self._loop is not None:
            self._loop.remove_signal_handler(signal.SIGCHLD)
            self._loop = None

    def watch(self, pid: int) -> asyncio.Future[Exit]:
        """The future end of a child. Call it in the same breath as the start of the child."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[pid] = future
        return future

    @property
    def is_init(self) -> bool:
        """True if we are process 1, so that all others here are the job's."""
        return os.getpid() == 1

    @property
    def childless(self) -> bool:
        """True if not one process of any job is left: all of them are our descendants when we adopt."""
        return not self.collect() and self.adopts

    def collect(self) -> bool:
        """Collect the children that have ended; return whether any others live."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            touched = (used.ru_minflt + used.ru_majflt) * PAGE
            self._ended(pid, Exit(status, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, touched))

    def _ended(self, pid: int, end: Exit) -> None:
        future = self._waiting.pop(pid, None)
        if future is None:
            self.orphan_cpu_seconds += end.cpu_seconds
        elif not future.done():
            future.set_result(end)


def become_subreaper() -> bool:
    """Ask the kernel to give us the orphans among our descendants, daemons that left their session included.

    False where it cannot be asked: the standard library has no prctl, and a trimmed Python may come without
    ctypes.
    """
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False
