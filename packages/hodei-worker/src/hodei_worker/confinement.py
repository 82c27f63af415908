"""What holds a job's processes: nothing, or a limit on each of them. Control groups are in `group`."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from hodei_worker.order import Asked, NotStarted

SHELL = "/bin/sh"
# Data segment allowed to each process where only its own limits can be set, as a multiple of what the job
# asked for. We watch the sum ourselves twice a second and end the job as `oom`; this stops what grows faster
# than that.
DATA_HEADROOM = 2


@dataclass(frozen=True, slots=True)
class Used:
    """What a job has used so far; zero where that is not known."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    peak_memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Launch:
    """A program about to be started: what a search for it depends on."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    working_dir: str = ""

    def through_shell(self, prelude: str, *arguments: str) -> tuple[str, ...]:
        """Arguments for `sh -c` that does the prelude (with `arguments` as $1 …) and becomes the program.

        The shell would report a missing program in its own words on the job's stderr, so it is looked up
        first.
        """
        program = self.find_program()
        script = f'{prelude}; shift {len(arguments)}; exec "$@"'
        return (SHELL, "-c", script, "sh", *arguments, program, *self.argv[1:])

    def find_program(self) -> str:
        """The program as the job will find it. Raise NotStarted if it will not."""
        name = self.argv[0]
        if os.sep in name:
            path = os.path.join(self.working_dir, name)
            found = name if os.path.isfile(path) and os.access(path, os.X_OK) else None
            missing = not os.path.exists(path)
        else:
            found = shutil.which(name, path=self.environment.get("PATH", os.defpath))
            missing = True
        if found is not None:
            return found
        if missing:
            raise NotStarted("command-not-found", f"command {name!r} was not found on this worker", 127)
        raise NotStarted("not-executable", f"{name!r} cannot be executed: Permission denied", 126)


class Confinement(Protocol):
    """What holds one attempt's processes."""

    text: str  # for people: what enforces which limit
    memory_bytes: int  # which the kernel's or our own killing stands for, in words to the owner; 0: none
    counts: bool  # whether `used` has all that the job used
    watched_bytes: int  # memory that we have to watch ourselves; 0: the kernel does, or no limit was asked

    def wrap(self, launch: Launch) -> tuple[str, ...]:
        """The arguments that start the program inside. Raise NotStarted if it is not there."""

    def entered(self, pid: int) -> None:
        """Told right after the start."""

    def used(self) -> Used:
        """What the job has used; zeros where this confinement does not count."""

    def oom_killed(self) -> bool:
        """True if the kernel has killed any of its processes for want of memory."""

    def kill(self) -> None:
        """SIGKILL to all inside at once, where that is possible."""

    def close(self) -> None:
        """The job has ended: remove what was made for it."""


class Unconfined:
    """For a job that asked for no limits."""

    text = "none asked"
    counts = False
    memory_bytes = 0
    watched_bytes = 0

    def wrap(self, launch: Launch) -> tuple[str, ...]:
        """As it is."""
        return launch.argv

    def entered(self, pid: int) -> None:
        """Nothing to do."""

    def used(self) -> Used:
        """Nothing is counted."""
        return Used()

    def oom_killed(self) -> bool:
        """The kernel kills for want of the whole machine's memory only, and does not tell us."""
        return False

    def kill(self) -> None:
        """There is no inside."""

    def close(self) -> None:
        """Nothing to remove."""


class ResourceLimits(Unconfined):
    """Where no control group can be made: a limit on each process, and our own eye on their sum."""

    def __init__(self, asked: Asked) -> None:
        self._data_bytes = asked.memory_bytes * DATA_HEADROOM
        self.watched_bytes = self.memory_bytes = asked.memory_bytes
        told = []
        if asked.memory_bytes:
            told.append(f"memory {asked.memory_bytes // 2**20} MiB, watched by the agent")
        if asked.cpu_cores:
            told.append("cpu not limited")
        self.text = f"no cgroup here: {'; '.join(told)}"

    def wrap(self, launch: Launch) -> tuple[str, ...]:
        """Through a shell that limits itself before it becomes the program.

        `entered` does the same from outside where there is no shell; a child that the process forks before
        that moment keeps no limit.
        """
        if not self._data_bytes or not has_shell():
            return launch.argv
        return launch.through_shell(f"ulimit -d {self._data_bytes // 1024}")

    def entered(self, pid: int) -> None:
        """Limit the process, if no shell did."""
        if self._data_bytes and not has_shell():
            with suppress(OSError, ValueError):
                resource.prlimit(pid, resource.RLIMIT_DATA, (self._data_bytes, self._data_bytes))


def has_shell() -> bool:
    """True unless the image is one of those without a shell."""
    return os.access(SHELL, os.X_OK)
