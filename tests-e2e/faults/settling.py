"""Waiting until nothing is left to do, and looking for what is left all the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from faults.processes import marked
from faults.system import System

SETTLES_WITHIN = 180.0
ORPHANS_GONE_WITHIN = 60.0
LOOK_EACH = 0.25

_LEFT = """
SELECT (SELECT count(*) FROM jobs WHERE completed_at IS NULL), (SELECT count(*) FROM job_leases),
       (SELECT count(*) FROM workers WHERE state IN ('CREATING', 'CONNECTING', 'TERMINATING'))
"""


async def settle(system: System, within: float = SETTLES_WITHIN) -> list[str]:
    """Wait until every job has ended and no worker comes or goes; what does not come to its end."""
    until = time.monotonic() + within
    left: tuple[int, ...] = (1,)
    while any(left) and time.monotonic() < until:
        left = (await system.rows(_LEFT))[0]
        await asyncio.sleep(LOOK_EACH)
    if any(left):
        return [
            f"after {within:.0f} s: {left[0]} jobs not over, {left[1]} leases, {left[2]} workers in between"
        ]
    return []


async def orphans(system: System, within: float = ORPHANS_GONE_WITHIN) -> list[str]:
    """The processes of jobs that still run so long after every job has ended."""
    until = time.monotonic() + within
    while (found := marked(f"FAULTS_TRUTH={system.place}")) and time.monotonic() < until:
        await asyncio.sleep(LOOK_EACH)
    return [f"process {pid} of a job still runs" for pid in found]


def strangers(system: System, known: set[str]) -> Iterator[str]:
    """Agents that run and have no row that wants them."""
    for worker, pid in system.agents().items():
        if worker not in known:
            yield f"agent {pid} of worker {worker} is nobody's"
