"""What this machine offers to a process: processors, memory, disk, as the kernel really grants them."""

from __future__ import annotations

import os
import platform
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

_MIB = 1024 * 1024


@frozen(kw_only=True)
class Machine:
    """Facts about the machine, after affinity masks and cgroup limits."""

    hostname: str
    architecture: str  # as `uname -m` says it: x86_64, aarch64
    os: str
    cpu_cores: float
    memory_mib: int
    disk_mib: int  # free where the state lives, when it was looked at


def look_at_machine(state: Path, root: Path = Path("/")) -> Machine:
    """Measure the machine. `state` is a directory on the disk that counts; `root` is replaced in tests."""
    return Machine(
        hostname=socket.gethostname(),
        architecture=platform.machine(),
        os=f"{platform.system().lower()} {platform.release()}",
        cpu_cores=_cpu_cores(root),
        memory_mib=_memory_mib(root),
        disk_mib=_disk_mib(state),
    )


def _cpu_cores(root: Path) -> float:
    allowed = float(len(os.sched_getaffinity(0)))
    return min([allowed, *_cpu_quotas(root)])


def _cpu_quotas(root: Path) -> Iterator[float]:
    for group in _groups(root, "cpu"):
        text = _read(group / "cpu.max")  # cgroup v2: "quota period" or "max period"
        quota, _, period = text.partition(" ")
        if not text:
            quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(quota) > 0:
            yield int(quota) / int(period)


def _memory_mib(root: Path) -> int:
    total = next(
        (
            int(line.split()[1]) // 1024
            for line in _read(root / "proc/meminfo").splitlines()
            if "MemTotal" in line
        ),
        0,
    )
    limits = [
        int(text) // _MIB
        for group in _groups(root, "memory")
        for text in (_read(group / "memory.max") or _read(group / "memory.limit_in_bytes"),)
        if text.isdigit()
    ]
    # cgroup v1 says "no limit" with a number near 2^63, which the minimum leaves out.
    return min([total, *limits]) if total else min(limits, default=0)


def _disk_mib(state: Path) -> int:
    while not state.exists() and state != state.parent:
        state = state.parent
    return shutil.disk_usage(state).free // _MIB


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The cgroup directories of this process for `controller`, from its own up to the top."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            top = root / "sys/fs/cgroup"
        elif controller in controllers.split(","):
            top = root / "sys/fs/cgroup" / controller
        else:
            continue
        group = top / path.strip("/")
        yield from (each for each in (group, *group.parents) if each.is_relative_to(top))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
