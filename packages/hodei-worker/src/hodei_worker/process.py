"""Start a job's process in a session of its own, and end it with everything it started."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from hodei_worker import tree
from hodei_worker.order import NotStarted
from hodei_worker.reaper import Exit, Reaper

# Room for a burst while the agent is busy; 1 MiB, the most that everyone may ask for, would use up a user's
# allowance of pipe pages (64 MiB) with 32 jobs.
PIPE_BYTES = 256 * 1024
CROWD = 32  # processes; an honest job of more is none the worse for it
PAGES_OF_A_TEXT = 32  # Linux's MAX_ARG_STRLEN
POINTER_BYTES = 8  # execve counts one for each text
KILL_PAUSE = 0.02  # seconds between two rounds of SIGKILL
KILL_ROUNDS = (
    250  # 5 s: what has not died of SIGKILL by then hangs in the kernel, and waiting longer is no use
)


@dataclass(slots=True)
class Process:
    """A job's process, its session's leader. Our ends of its pipes are the caller's to close."""

    pid: int
    stdout: int
    stderr: int
    stdin: int  # the writer's end, or -1: then there is nothing to write
    started_at: float  # seconds since the epoch
    exited: asyncio.Future[Exit]
    _reaper: Reaper
    _cpu_before: float

    def signal(self, number: int) -> None:
        """Send a signal to the leader, its session and all it started.

        A crowd gets it all at once where that can be, which no fork escapes, and which needs no look at each:
        among hundreds that want the processor we hardly get to run ourselves. A few are picked, because
        somebody may have come into the container to look at them.
        """
        if self._reaper.is_init and tree.count() > CROWD:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(-1, number)
        else:
            tree.send(self.members(), number)

    def members(self) -> list[tree.Proc]:
        """What is alive of the job now."""
        return tree.members(self.pid, adopted=self._reaper.adopts)

    @property
    def gone(self) -> bool:
        """True if the leader has ended and nothing it started is left."""
        if self._reaper.adopts:
            return self._reaper.childless  # one system call, and it misses nothing
        return self.exited.done() and not self.members()

    @property
    def orphan_cpu_seconds(self) -> float:
        """Processor time of those of its processes that ended as orphans, so that no parent counted them."""
        return self._reaper.orphan_cpu_seconds - self._cpu_before

    async def wait_gone(self, seconds: float) -> bool:
        """Wait until nothing of the job is left, at most so long; tell whether that came."""
        end = time.monotonic() + seconds
        while not self.gone:
            left = end - time.monotonic()
            if left <= 0:
                return False
            await asyncio.sleep(min(KILL_PAUSE, left))
        return True

    async def kill(self) -> bool:
        """SIGKILL until nothing is left, since what forks while we look escapes one round.

        True if that came.
        """
        for _ in range(KILL_ROUNDS):
            self.signal(signal.SIGKILL)
            if await self.wait_gone(KILL_PAUSE):
                return True
        return False


def start_process(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    working_dir: str,
    stdin: str | None,
    live_input: bool = False,
    reaper: Reaper,
) -> Process:
    """Start a program. Raise NotStarted, with a text for the job's owner, if that cannot be.

    The call blocks for about half a millisecond. subprocess.Popen is faster here than asyncio's (0.71 ms a
    job against 0.93, of which 0.10 against 0.35 is our own processor time) and hardly slower than
    os.posix_spawn (0.67 ms), which knows no working directory. Popen uses vfork as long as it gets neither
    preexec_fn nor user.
    """
    pipes: list[int] = []
    given = written = -1
    try:
        pipes += _pipe()
        pipes += _pipe()
        given, written = _live_stdin() if live_input else (_stdin(stdin), -1)
        pid = _spawn(argv, environment, working_dir, given, pipes[1], pipes[3])
    except BaseException:
        for fd in (*pipes[0::2], *([written] if written >= 0 else [])):
            os.close(fd)
        raise
    finally:
        for fd in (*pipes[1::2], *([given] if given >= 0 else [])):
            os.close(fd)
    return Process(
        pid, pipes[0], pipes[2], written, time.time(), reaper.watch(pid), reaper, reaper.orphan_cpu_seconds
    )


def check_working_dir(path: str) -> None:
    """Raise NotStarted unless `path` is empty (the agent's own directory) or a directory we may enter."""
    if not path:
        return
    if not os.path.isdir(path):
        problem = "is not a directory" if os.path.exists(path) else "does not exist on this worker"
        raise NotStarted("working-dir", f"working directory {path!r} {problem}", 1)
    if not os.access(path, os.X_OK):
        raise NotStarted("working-dir", f"working directory {path!r} may not be entered", 1)


def _spawn(
    argv: Sequence[str],
    environment: Mapping[str, str],
    working_dir: str,
    stdin: int,
    stdout: int,
    stderr: int,
) -> int:
    try:
        process = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=working_dir or None,
            env=environment,
            start_new_session=True,
        )
    except OSError as e:
        if e.errno == errno.E2BIG:
            text = f"cannot start {argv[0]!r}: {_too_long(argv, environment)}"
            raise NotStarted("spawn", text, 126) from e
        raise _not_started(argv[0], e) from e
    except ValueError as e:
        raise _not_started(argv[0], e) from e
    # The reaper waits for the child. Without a return code Popen would warn that nobody did, and keep a list.
    process.returncode = 0
    return process.pid


def _not_started(program: str, error: OSError | ValueError) -> NotStarted:
    if isinstance(error, ValueError):  # a NUL byte in an argument, "=" in a variable's name
        return NotStarted("spawn", f"cannot start {program!r}: {error}", 1)
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return NotStarted("command-not-found", _not_found(program), 127)
        case errno.EACCES | errno.EPERM | errno.ENOEXEC | errno.EISDIR:
            return NotStarted("not-executable", f"{program!r} cannot be executed: {error.strerror}", 126)
        case _:
            return NotStarted("spawn", f"cannot start {program!r}: {error.strerror}", 1)


def _too_long(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """What execve did not take, and how much it takes: of a text, and of all together."""
    texts = {f"argument {number}": text for number, text in enumerate(argv)}
    texts |= {f"variable {name}": f"{name}={value}" for name, value in environment.items()}
    sizes = {name: len(os.fsencode(text)) + 1 for name, text in texts.items()}
    name, largest = max(sizes.items(), key=lambda each: each[1])
    at_most = PAGES_OF_A_TEXT * os.sysconf("SC_PAGESIZE")
    advice = "give it by a script, a file or the standard input"
    if largest > at_most:
        return f"{name} has {largest - 1} bytes and this machine takes {at_most - 1} in one; {advice}"
    total = sum(sizes.values()) + POINTER_BYTES * len(sizes)
    at_most = os.sysconf("SC_ARG_MAX")
    return (
        f"arguments and environment have {total} bytes together and this machine takes {at_most} "
        f"(a quarter of `ulimit -s`); {advice}"
    )


def _not_found(program: str) -> str:
    if os.path.exists(program):  # the kernel says "not found" of the interpreter in its first line, too
        return f"{program!r} is there, but the interpreter or loader it names is not"
    if program == "/bin/sh":
        return (
            "there is no /bin/sh to read this command line: give a program that is there, and its arguments"
        )
    return f"command {program!r} was not found on this worker"


def _pipe() -> tuple[int, int]:
    """A pipe of our own.

    Asyncio's keep Process.wait() hanging while a grandchild holds one (CPython 3.12).
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with suppress(OSError):  # over the user's allowance: then the default of 64 KiB has to do
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return reader, writer


def _live_stdin() -> tuple[int, int]:
    """A pipe that blocks for the job that reads it, and not for us."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(OSError):
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return reader, writer


def _stdin(text: str | None) -> int:
    """A descriptor that reads the given text, or nothing.

    A file in memory rather than a pipe: it needs nobody to write while the job reads, whatever its size.
    """
    if text is None:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    fd = os.memfd_create("stdin", os.MFD_CLOEXEC)
    left = memoryview(text.encode("utf-8", "surrogateescape"))
    while left:
        left = left[os.write(fd, left) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
