"""Starting an agent as a child in a session of its own, and hearing of its end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen


class _Child(subprocess.Popen[bytes]):
    """A child that may outlive this process: an agent goes on when its server is restarted.

    Popen's own __del__ would warn of it, and put it on a list from which it is reaped behind our back.
    """

    def __del__(self) -> None:
        """Nothing to do: the child is reaped by its pid."""


@frozen(kw_only=True)
class Launch:
    """One agent to start. `log` takes what it writes to standard output and standard error."""

    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    log: Path


def spawn(launch: Launch) -> int:
    """Start the agent and return its pid. Raise OSError if the system does not let us.

    Run it in a thread. With these arguments Python uses vfork, which is quick and silent beside gRPC's
    threads; `preexec_fn` or `user` would mean a real fork of a process that runs gRPC.
    """
    with open(launch.log, "ab", opener=_private) as log:
        child = _Child(
            launch.command,
            env=dict(launch.environment),
            cwd=launch.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            close_fds=True,
        )
    return child.pid


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def agent_command() -> tuple[str, ...]:
    """How this installation starts an agent.

    `-P` keeps the working directory off the module path: jobs can write there.
    """
    return (sys.executable, "-P", "-m", "hodei_worker")


async def ended(handle: int) -> None:
    """Wait until the process behind a pidfd has ended; it may still be a zombie then."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_reader(handle, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_reader(handle)


def reap(pid: int) -> int | None:
    """Take the exit code of a child that has ended (negative: the signal); None if it is not our child."""
    try:
        _, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status)
