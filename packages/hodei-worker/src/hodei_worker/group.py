"""A control group for one attempt."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from hodei_worker import cgroups
from hodei_worker.confinement import Launch, Used, has_shell
from hodei_worker.order import Asked

CPU_PERIOD_US = 100_000
LEAST_QUOTA_US = 1000  # the kernel refuses less
# Enough for any honest build, too few for a fork bomb to take the 32,768 pids of a machine.
MOST_PROCESSES = 16_384


class Group:
    """One directory per controller in version 1, one for all in version 2."""

    watched_bytes = 0
    counts = True

    def __init__(self, places: cgroups.Places, name: str) -> None:
        self._version = places.version
        self._of = {controller: parent / name for controller, parent in places.parents.items()}
        self._directories = list(dict.fromkeys(self._of.values()))
        self.memory_bytes = 0
        self.text = f"cgroup v{places.version}"

    def make(self, asked: Asked) -> None:
        """Make the directories and set the limits.

        Raise OSError, with some of them made, if that cannot be.
        """
        for directory in self._directories:
            directory.mkdir()
        (self._of["pids"] / "pids.max").write_text(str(MOST_PROCESSES))
        told = []
        if asked.memory_bytes:
            self._limit_memory(asked.memory_bytes)
            self.memory_bytes = asked.memory_bytes
            told.append(f"memory {asked.memory_bytes // 2**20} MiB")
        if asked.cpu_cores:
            self._limit_cpu(asked.cpu_cores)
            told.append(f"cpu {asked.cpu_cores:g}")
        self.text += f" ({', '.join(told)})"

    def wrap(self, launch: Launch) -> tuple[str, ...]:
        """Through a shell that enters the group and then becomes the program: nothing of it runs outside.

        Where there is no shell `entered` moves the process right after its start; what it forks before stays
        outside.
        """
        if not has_shell():
            return launch.argv
        files = [str(directory / "cgroup.procs") for directory in self._directories]
        words = " ".join(f'"${n}"' for n in range(1, len(files) + 1))
        return launch.through_shell(f'for g in {words}; do echo 0 > "$g"; done', *files)

    def entered(self, pid: int) -> None:
        """Move the process in, if no shell did."""
        if not has_shell():
            for directory in self._directories:
                _write_if_there(directory / "cgroup.procs", str(pid))

    def used(self) -> Used:
        """As the kernel counted, all processes together."""
        memory = self._of["memory"]
        if self._version == 2:
            return Used(
                cgroups.read_fields(memory / "cpu.stat").get("usage_usec", 0) / 1e6,
                cgroups.read_number(memory / "memory.current"),
                cgroups.read_number(memory / "memory.peak"),
            )
        accounting = self._of.get("cpuacct", self._of["cpu"])
        return Used(
            cgroups.read_number(accounting / "cpuacct.usage") / 1e9,
            cgroups.read_number(memory / "memory.usage_in_bytes"),
            cgroups.read_number(memory / "memory.max_usage_in_bytes"),
        )

    def oom_killed(self) -> bool:
        """As the kernel counted; the files are gone after `close`."""
        file = "memory.events" if self._version == 2 else "memory.oom_control"
        return cgroups.read_fields(self._of["memory"] / file).get("oom_kill", 0) > 0

    def kill(self) -> None:
        """Version 2 kills the whole group at once; in version 1 we go through its list."""
        if self._version == 2:
            _write_if_there(self._of["memory"] / "cgroup.kill", "1")
            return
        with suppress(OSError, ValueError):
            for pid in (self._of["pids"] / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)

    def close(self) -> None:
        """Remove the group.

        One that is not empty (a process that cannot die) stays for the next agent's sweep.
        """
        for directory in self._directories:
            with suppress(OSError):
                directory.rmdir()

    def _limit_memory(self, limit: int) -> None:
        memory = self._of["memory"]
        if self._version == 2:
            (memory / "memory.max").write_text(str(limit))
            _write_if_there(memory / "memory.swap.max", "0")
            _write_if_there(memory / "memory.oom.group", "1")
        else:
            (memory / "memory.limit_in_bytes").write_text(str(limit))
            _write_if_there(memory / "memory.memsw.limit_in_bytes", str(limit))  # memory and swap together

    def _limit_cpu(self, cores: float) -> None:
        quota = max(LEAST_QUOTA_US, int(cores * CPU_PERIOD_US))
        if self._version == 2:
            (self._of["cpu"] / "cpu.max").write_text(f"{quota} {CPU_PERIOD_US}")
        else:
            (self._of["cpu"] / "cpu.cfs_period_us").write_text(str(CPU_PERIOD_US))
            (self._of["cpu"] / "cpu.cfs_quota_us").write_text(str(quota))


def _write_if_there(path: Path, text: str) -> None:
    """Set what only some kernels offer, or what may have gone meanwhile."""
    if path.exists():
        with suppress(OSError):
            path.write_text(text)
