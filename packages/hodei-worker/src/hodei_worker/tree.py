"""Find the processes of a job in /proc, wherever they have hidden, and signal them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

ZOMBIE = "Z"
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Proc:
    """One line of /proc/<pid>/stat, as far as it matters here."""

    pid: int
    state: str
    parent: int
    session: int
    cpu_seconds: float
    resident_bytes: int


def processes() -> Iterator[Proc]:
    """Every process that can be seen from here. One that ends meanwhile is left out."""
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with suppress(OSError, ValueError, IndexError):
                yield _read(int(name))


def count() -> int:
    """How many processes can be seen from here."""
    return sum(name.isdecimal() for name in os.listdir("/proc"))


def members(leader: int, *, adopted: bool) -> list[Proc]:
    """The living processes of the job that `leader` began, itself the first of them.

    These are its descendants, all that are in its session (their parents may be gone), and, when we adopt
    orphans, all other descendants of ours, which is how a daemon that forked twice and left the session is
    found.
    """
    every = {proc.pid: proc for proc in processes()}
    found = {pid for pid, proc in every.items() if proc.session == leader or pid == leader}
    roots = found | ({os.getpid()} if adopted else set())
    belongs: dict[int, bool] = dict.fromkeys(roots, True)
    for pid in every:
        if _descends(pid, every, belongs):
            found.add(pid)
    found.discard(os.getpid())
    # The leader first: a shell whose child hears of the end before it does would report an exit code, no
    # signal.
    ordered = sorted(found, key=lambda pid: (pid != leader, pid))
    return [every[pid] for pid in ordered if pid in every and every[pid].state != ZOMBIE]


def send(procs: list[Proc], number: int) -> None:
    """Send one signal to each. Those that ended meanwhile, or are not ours to signal, are passed over."""
    for proc in procs:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(proc.pid, number)


def proportional_bytes(pid: int) -> int:
    """Resident memory of a process, each shared page divided by the number of its users; 0 if it is gone."""
    with suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def peak_bytes(pid: int) -> int:
    """The most resident memory that a process has had since it became its program; 0 if it is gone."""
    with suppress(OSError, ValueError), open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _descends(pid: int, every: dict[int, Proc], belongs: dict[int, bool]) -> bool:
    """Walk up to the first process whose answer is known, then remember it for the whole way."""
    way = []
    while pid not in belongs and pid in every:
        way.append(pid)
        belongs[pid] = False  # also ends a walk through a list that changed under us
        pid = every[pid].parent
    answer = belongs.get(pid, False)
    belongs.update(dict.fromkeys(way, answer))
    return answer


def _read(pid: int) -> Proc:
    with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
        text = file.read()
    # The name in brackets may hold spaces and brackets of its own: the fields begin after the last one.
    fields = text[text.rindex(b")") + 2 :].split()
    return Proc(
        pid=pid,
        state=chr(fields[0][0]),
        parent=int(fields[1]),
        session=int(fields[3]),
        cpu_seconds=sum(map(int, fields[11:15])) / TICKS,
        resident_bytes=int(fields[21]) * PAGE,
    )
