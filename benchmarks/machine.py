"""What the figures were measured on: a figure without its machine and its settings says nothing."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import psycopg

# What decides about the speed and the durability of a commit.
POSTGRES_SETTINGS = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "shared_buffers",
    "max_connections",
    "autovacuum",
)


def describe(state: Path | None = None) -> dict[str, str]:
    """Processor, memory, kernel and Python; with `state` the file system it lies on."""
    facts = {
        "processor": f"{cpu_model()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{memory_mib() / 1024:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load": f"{os.getloadavg()[0]:.2f} before the run (1 min)",
    }
    if state is not None:
        facts["files"] = f"{file_system(state)} at {state}"
    return facts


def describe_postgres(url: str) -> dict[str, str]:
    """Version and the settings that matter, as the server has them now."""
    with psycopg.connect(url, autocommit=True) as connection:
        version = connection.info.server_version
        rows: list[tuple[str, str]] = connection.execute(
            "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)",
            (list(POSTGRES_SETTINGS),),
        ).fetchall()
    settings = dict(rows)
    words = ", ".join(f"{name} {settings[name]}" for name in POSTGRES_SETTINGS)
    return {"postgres": f"{version // 10000}.{version % 10000}: {words}"}


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The model the kernel names, or the architecture."""
    for line in _lines(cpuinfo):
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def memory_mib(meminfo: Path = Path("/proc/meminfo")) -> int:
    """The machine's memory; 0 if the kernel does not say."""
    for line in _lines(meminfo):
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0


def file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system that holds `path`: the longest mount point above it."""
    found = ("", "unknown")
    for line in _lines(mounts):
        _, point, kind, *_ = line.split()
        if path.is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, kind)
    return found[1]


def cpu_seconds(pid: int) -> float:
    """Processor time of one process so far, user and system, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Memory of one process: its proportional set size, or its resident set where that is denied."""
    for file, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        for line in _lines(Path(f"/proc/{pid}/{file}")):
            if line.startswith(key):
                return int(line.split()[1]) / 1024
    return 0.0


def children(pid: int) -> list[int]:
    """The living processes below `pid`, at any depth, parents before children."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = "".join(_lines(entry / "stat")).rpartition(")")[2].split()
            if stat:
                below.setdefault(int(stat[1]), []).append(int(entry.name))
    found = list(below.get(pid, ()))
    for each in found:  # grows while it is walked
        found.extend(below.get(each, ()))
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:  # not this kernel, or the process is gone
        return []


if __name__ == "__main__":
    for _key, _value in describe(Path.cwd()).items():
        print(f"{_key:<10} {_value}", file=sys.stdout)
