"""20 jobs a second with random faults: `python -m faults.soak MINUTES [SEED]`.

Prints a line each half minute, and at the end what grew and what was left.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import psycopg

from faults.clients import Clients
from faults.history import History
from faults.jobs import wish
from faults.judge import judge
from faults.nemesis import Nemesis
from faults.processes import resident_mib
from faults.record import read
from faults.run import seed_of
from faults.settling import orphans, settle, strangers
from faults.system import System, system

PER_SECOND = 20.0
READ = 0.1
SHAPES = (*("counts",) * 12, "fails", "retries", "cancelled", "clocked", "keyed")
LEASE = 45.0  # seconds, as servers have it where nobody says otherwise
SAMPLE_EACH = 5.0
SHORTEST_FOR_SLOPE = 240.0  # seconds
MIB_PER_HOUR = 60.0  # a server that grows faster than this leaks; below it a run of minutes says nothing
MIB_ALLOWED = 24.0  # for buffers and caches that fill once
_SIZES = """
SELECT (SELECT count(*) FROM job_queue), (SELECT count(*) FROM job_leases),
       (SELECT count(*) FROM workers WHERE ended_at IS NULL), (SELECT count(*) FROM worker_sessions),
       (SELECT count(*) FROM worker_otps), (SELECT count(*) FROM jobs),
       pg_total_relation_size('job_queue') / 1048576.0, pg_total_relation_size('job_leases') / 1048576.0
"""


@dataclass(frozen=True)
class Sample:
    """One look: rows of the small tables, MiB of two of them, and of the largest server and agent."""

    at: float
    queue: int
    leases: int
    workers: int
    sessions: int
    otps: int
    jobs: int
    queue_mib: float
    leases_mib: float
    server_mib: float
    agent_mib: float

    def line(self) -> str:
        """For people."""
        return (
            f"{self.at:6.0f} s  {self.jobs} jobs, {self.queue} wait, {self.leases} run, "
            f"{self.workers} workers; "
            f"server {self.server_mib:.0f} MiB, agent {self.agent_mib:.0f} MiB, "
            f"queue's table {self.queue_mib:.1f} MiB, leases' {self.leases_mib:.1f} MiB"
        )


@dataclass
class Soak:
    """A run and what was seen of it."""

    seed: int
    seconds: float
    samples: list[Sample] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    history: History = field(default_factory=History)
    jobs: int = 0
    latencies: list[float] = field(default_factory=list)

    def slope(self, of: str) -> str:
        """MiB per hour of the second half of the run, by least squares: the first half is for warming up."""
        if self.seconds < SHORTEST_FOR_SLOPE:
            return "too short a run for a slope"
        late = [s for s in self.samples if s.at >= self.samples[-1].at / 2]
        slope = _slope([s.at / 3600 for s in late], [getattr(s, of) for s in late])
        return f"{slope:+.1f} MiB an hour over the second half"

    def story(self) -> str:
        """The figures."""
        last = self.samples[-1]
        faults = len(self.history.outages)
        lines = [
            f"{self.jobs} jobs in {self.seconds:.0f} s with {faults} faults, seed {self.seed}",
            f"stuck: {sum(1 for text in self.broken if 'P1' in text or 'after' in text)}, "
            f"left over: {sum(1 for text in self.broken if 'still runs' in text or 'nobody' in text)}",
            f"server: {self.samples[0].server_mib:.0f} MiB at first, {last.server_mib:.0f} MiB at the end, "
            f"{self.slope('server_mib')}",
            f"agent: {self.samples[0].agent_mib:.0f} MiB at first, {last.agent_mib:.0f} MiB at the end, "
            f"{self.slope('agent_mib')}",
            f"tables: queue {max(s.queue_mib for s in self.samples):.1f} MiB at most, leases "
            f"{max(s.leases_mib for s in self.samples):.1f} MiB, "
            f"workers {max(s.workers for s in self.samples)} rows, "
            f"sessions {last.sessions}, passwords {last.otps}",
        ]
        return "\n".join([*lines, *(f"broken: {text}" for text in self.broken)])


def _slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    if len(xs) < 3:
        return 0.0
    middle = sum(xs) / len(xs)
    spread = sum((x - middle) ** 2 for x in xs)
    return sum((x - middle) * y for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0


async def soak(seconds: float, seed: int, *, per_second: float = PER_SECOND, say: bool = True) -> Soak:
    """Load, break, look, judge."""
    found = Soak(seed, seconds)
    async with system(2, {"HODEI_WORKER_MIN_IDLE": "4"}, clocks=True) as platform:
        clients = Clients(platform, found.history, Random(f"{seed} clients"))
        lease = LEASE if seconds >= SHORTEST_FOR_SLOPE else None
        nemesis = Nemesis(platform, found.history, Random(f"{seed} nemesis"), longest=6.0, lease=lease)
        async with asyncio.TaskGroup() as group:
            raging = group.create_task(nemesis.rage(seconds))
            looking = group.create_task(_look(platform, found, say))
            await _load(clients, seed, per_second, raging)
            await raging
            await clients.finish()
            looking.cancel()
        found.broken += await settle(platform, within=300)
        found.broken += await orphans(platform)
        wanted = {str(row[0]) for row in await platform.rows("SELECT id FROM workers WHERE ended_at IS NULL")}
        found.broken += strangers(platform, wanted)
        found.samples.append(await _sample(platform, seconds))
        record = await read(platform, found.history)
        found.jobs = len(record.jobs)
        found.broken += judge(record)
        found.broken += _grown(found)
        if found.broken:
            found.broken.append(platform.words())
    return found


async def _load(clients: Clients, seed: int, per_second: float, raging: asyncio.Task[None]) -> None:
    random, number, since = Random(f"{seed} jobs"), 0, time.monotonic()
    while not raging.done():
        number += 1
        made = wish(number, random, SHAPES, scale=0.2)
        made.lines = min(made.lines, 5) if made.clock is None and made.cancel_after is None else made.lines
        clients.begin(made, read=random.random() < READ)
        await asyncio.sleep(max(0.0, since + number / per_second - time.monotonic()))


async def _look(platform: System, found: Soak, say: bool) -> None:
    since, said = time.monotonic(), -30.0
    while True:
        at = time.monotonic() - since
        try:
            found.samples.append(await _sample(platform, at))
        except (psycopg.Error, RuntimeError, OSError):  # it is just being broken
            pass
        except Exception as error:
            if "does not run" not in str(error):
                raise
        if say and found.samples and at - said >= 30:
            said = at
            print(found.samples[-1].line(), flush=True)
        await asyncio.sleep(SAMPLE_EACH)


async def _sample(platform: System, at: float) -> Sample:
    async with asyncio.timeout(SAMPLE_EACH * 2):
        row = (await platform.rows(_SIZES))[0]
    servers = max(resident_mib(replica.pid) for replica in platform.replicas if replica.pid)
    agents = max((resident_mib(pid) for pid in platform.agents().values()), default=0.0)
    values: list[Any] = [at, *row[:6], *map(float, row[6:]), servers, agents]
    return Sample(*values)


def _grown(found: Soak) -> list[str]:
    """What ought to be flat and is not. Of a server that was started again only the growth since counts."""
    first, last = found.samples[0], found.samples[-1]
    broken = [f"at the end {last.queue} jobs wait and {last.leases} run"] if last.queue or last.leases else []
    most = MIB_ALLOWED + MIB_PER_HOUR * found.seconds / 3600
    for name, grown, allowed in (
        ("MiB of the server", last.server_mib - first.server_mib, most),
        ("MiB of the agent", last.agent_mib - first.agent_mib, most),
        ("sessions", last.sessions, 200 + last.workers),
        ("passwords", last.otps, 200 + last.workers),
        ("MiB of the queue's table", last.queue_mib, 32),
        ("MiB of the leases' table", last.leases_mib, 32),
    ):
        if grown > allowed:
            broken.append(f"{grown:.0f} {name}, and {allowed:.0f} are allowed")
    return broken


def main(arguments: list[str]) -> int:
    """Return 1 if something is not as it should be."""
    if not 1 <= len(arguments) <= 2 or not all(each.replace(".", "", 1).isdecimal() for each in arguments):
        print(__doc__, file=sys.stderr)
        return 64
    seed = seed_of(arguments[1] if len(arguments) > 1 else None)
    print(f"seed {seed}; again with: just soak {arguments[0]} {seed}", flush=True)
    found = asyncio.run(soak(60 * float(arguments[0]), seed))
    print(found.story())
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
