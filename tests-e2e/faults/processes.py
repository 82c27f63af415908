"""Looking at processes, and sending them signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """The living processes below one, at any depth, parents before children."""
    below: dict[int, list[int]] = {}
    for each in _pids():
        with suppress(OSError, IndexError):
            parent = int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[1])
            below.setdefault(parent, []).append(each)
    found = list(below.get(pid, ()))
    for each in found:  # grows while it is walked
        found.extend(below.get(each, ()))
    return found


def marked(mark: str) -> list[int]:
    """The living processes that have so much in their environment, our own left out."""
    found = []
    for pid in _pids():
        with suppress(OSError):
            if pid != os.getpid() and mark.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(pid)
    return found


def send(number: signal.Signals, *pids: int) -> None:
    """To each that still lives."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def resident_mib(pid: int) -> float:
    """Memory of one process; 0 when it is gone."""
    with suppress(OSError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())
