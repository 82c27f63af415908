"""Ending an agent and everything it started."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping

from hodei_infrastructure.process import proc

# A tree that forks faster than it is read needs several looks; each kills all it sees. 40 looks: two seconds.
LOOKS = 40
PAUSE = 0.05  # seconds between two looks, for the kernel to take down what was killed


class TreeSurvived(Exception):
    """Some processes of a tree are still there after many kills, most likely stuck in the kernel."""


def members(roots: Mapping[int, int], variable: bytes) -> dict[int, int]:
    """Pids and starts of the trees of `roots` and of every process that carries `variable`; never our own.

    Blocks while it reads the process table: run it in a thread.
    """
    table = proc.running()
    table.pop(os.getpid(), None)
    carriers = {pid: entry.start for pid, entry in table.items() if proc.carries(pid, variable)}
    return proc.family(table, {**roots, **carriers})


async def kill_tree(roots: Mapping[int, int], variable: bytes) -> None:
    """Send SIGKILL to the trees of `roots` and to all that carry `variable` until a look finds none.

    Raise TreeSurvived if some remain.
    """
    known = dict(roots)
    for _ in range(LOOKS):
        found = await asyncio.to_thread(members, known, variable)
        if not found:
            return
        known.update(found)
        for pid in found:
            send(pid, signal.SIGKILL)
        await asyncio.sleep(PAUSE)
    raise TreeSurvived(f"processes {sorted(found)} survived SIGKILL")


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is gone, or that is not ours to signal, gets none."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
