"""Reading the process table from /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@frozen(kw_only=True)
class Entry:
    """One process. `start` is in clock ticks since boot: it tells a process from a later one with its pid."""

    pid: int
    parent: int
    session: int
    start: int
    cpu_seconds: float
    memory_bytes: int
    ended: bool  # a zombie: it runs no more and only waits for its parent to look


def look_at(pid: int) -> Entry | None:
    """The process with this pid, or None if there is none."""
    try:
        return parse_stat(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    except (OSError, ValueError, IndexError):
        return None


def parse_stat(text: str) -> Entry:
    """Read a line of /proc/<pid>/stat. The name in parentheses may itself hold blanks and parentheses."""
    pid, _, rest = text.partition(" ")
    field = rest[rest.rindex(")") + 2 :].split()  # field[0] is the third of proc(5)
    return Entry(
        pid=int(pid),
        ended=field[0] in "ZX",
        parent=int(field[1]),
        session=int(field[3]),
        cpu_seconds=(int(field[11]) + int(field[12])) / _TICKS,
        start=int(field[19]),
        memory_bytes=int(field[21]) * _PAGE,
    )


def running() -> dict[int, Entry]:
    """All processes that run now, by pid; zombies left out."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    entries = (look_at(pid) for pid in pids)
    return {entry.pid: entry for entry in entries if entry is not None and not entry.ended}


def carries(pid: int, variable: bytes) -> bool:
    """True if the process was started with `variable` (as b"NAME=value") in its environment.

    False too if we may not look, as with a process of another user.
    """
    try:
        return variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def family(table: Mapping[int, Entry], roots: Mapping[int, int]) -> dict[int, int]:
    """Pid and start of the processes in `table` that are of `roots`, descend from them or share a session.

    `roots` is pids and starts too. A root may be gone already: while its session has members its number is
    not given away, and a number that was given away has another start and counts no more. A job that
    daemonises leaves its parent but not its session; one that makes a new session stays a descendant until
    its parent ends. The two together lose only those that do both, which the environment then tells.
    """
    known = {pid for pid, start in roots.items() if pid not in table or table[pid].start == start}
    while True:
        more = {
            entry.pid
            for entry in table.values()
            if entry.pid not in known and (entry.parent in known or entry.session in known)
        }
        if not more:
            return {pid: table[pid].start for pid in known & table.keys()}
        known |= more


def boot_id() -> str:
    """Names this boot of the machine; start ticks count from it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
