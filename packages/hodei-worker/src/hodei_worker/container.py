"""The container around us: whose memory the job shares with the agent, and what the kernel counts there."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hodei_worker import cgroups
from hodei_worker.ballast import MOST, Ballast
from hodei_worker.confinement import DATA_HEADROOM, Unconfined, Used
from hodei_worker.order import Asked

OOM_SCORE = Path("/proc/self/oom_score_adj")
OURS_BYTES = 16 * 2**20  # for what the agent comes to need while a job runs, and for its own code in memory
FIRST_TO_GO = "1000"  # the most: whatever has it is chosen before everything that has less


class Container:
    """The control group that we are in and may not change. Without one, nothing is limited or counted."""

    def __init__(self, group: cgroups.Own | None, machine_bytes: int) -> None:
        self._group = group
        limit = 0
        if group is not None:
            file = "memory.max" if group.version == 2 else "memory.limit_in_bytes"
            limit = cgroups.read_number(group.directory / file)
        # Version 1 says "no limit" by a number that no machine has.
        self.memory_bytes = limit if limit < machine_bytes else 0
        self._ballast = Ballast()

    @classmethod
    def discover(cls, proc: Path = Path("/proc/self")) -> Container:
        """Look around. Never raises."""
        machine_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return cls(cgroups.find_own("memory", proc), machine_bytes)

    def oom_kills(self) -> int:
        """How many processes of the container the kernel has killed so far for want of memory."""
        if self._group is None:
            return 0
        file = "memory.events" if self._group.version == 2 else "memory.oom_control"
        return cgroups.read_fields(self._group.directory / file).get("oom_kill", 0)

    def leave(self, for_job: int) -> bool:
        """Leave the job so many bytes of the container's memory, and hold what is neither its nor needed by
        us; False where the container has not so much more that this could be.
        """
        spare = self.memory_bytes - for_job - OURS_BYTES - self.in_use()
        if not for_job or not self.memory_bytes or spare + self._ballast.bytes > MOST:
            self._ballast.hold(0)
            return False
        self._ballast.hold(self._ballast.bytes + spare)
        return True

    def in_use(self) -> int:
        """Bytes that the kernel could not take back: without what it only keeps of files."""
        used = self._number("memory.current", "memory.usage_in_bytes")
        fields = self._fields("memory.stat")
        prefix = "" if self._version == 2 else "total_"
        kept = sum(fields.get(f"{prefix}{each}_file", 0) for each in ("active", "inactive"))
        return max(0, used - kept)

    def peak(self) -> int:
        """The most that was ever in use, files included; 0 where the kernel does not tell."""
        return self._number("memory.peak", "memory.max_usage_in_bytes")

    @property
    def _version(self) -> int:
        return self._group.version if self._group is not None else 0

    def _number(self, of_2: str, of_1: str) -> int:
        if self._group is None:
            return 0
        return cgroups.read_number(self._group.directory / (of_2 if self._version == 2 else of_1))

    def _fields(self, name: str) -> dict[str, int]:
        return cgroups.read_fields(self._group.directory / name) if self._group is not None else {}


class ContainerLimits(Unconfined):
    """For a job in a container that was made for it: the container's limits are the job's.

    Processors are the container's matter. Memory is, too, where the container has a limit; the agent, which
    shares it, still watches what the job asked for. Nothing of this needs a shell.
    """

    def __init__(self, asked: Asked, container: Container) -> None:
        self._container = container
        self._before = container.oom_kills()
        is_exact = container.leave(asked.memory_bytes)
        self._in_use_before, self._peak_before = container.in_use(), container.peak()
        # A limit on the data segment would turn the kernel's clear word into a failing malloc.
        self._data_bytes = 0 if container.memory_bytes else asked.memory_bytes * DATA_HEADROOM
        self.watched_bytes = asked.memory_bytes
        self.memory_bytes = asked.memory_bytes or container.memory_bytes
        told = []
        if is_exact:
            told.append(f"memory {asked.memory_bytes // 2**20} MiB beside the agent's share")
        elif container.memory_bytes:
            told.append(f"memory {container.memory_bytes // 2**20} MiB with the agent")
        if asked.memory_bytes and not is_exact:
            told.append(f"memory {asked.memory_bytes // 2**20} MiB, watched by the agent")
        self.text = f"the container's: {'; '.join(told) or 'no limit on memory'}"

    def used(self) -> Used:
        """The peak, if the container never held more before: then the difference is the job's."""
        peak = self._container.peak()
        if peak <= self._peak_before:
            return Used()
        return Used(peak_memory_bytes=max(0, peak - self._in_use_before))

    def entered(self, pid: int) -> None:
        """Limit the data segment where the container does not limit memory."""
        if self._data_bytes:
            with suppress(OSError, ValueError):
                resource.prlimit(pid, resource.RLIMIT_DATA, (self._data_bytes, self._data_bytes))

    def oom_killed(self) -> bool:
        """True if the kernel has killed something in the container since the attempt began."""
        return self._container.oom_kills() > self._before


@contextmanager
def first_to_go(score: Path = OOM_SCORE) -> Iterator[None]:
    """What is started meanwhile is killed before the agent when memory runs out.

    The agent takes the score on itself and gives it to the child as it forks: written to the child later, it
    would miss what that has forked by then. Everyone may raise his score, and lower it again to where it was.
    """
    before = None
    with suppress(OSError, ValueError):
        before = score.read_text()
        score.write_text(FIRST_TO_GO)
    try:
        yield
    finally:
        if before is not None:
            with suppress(OSError):
                score.write_text(before)
