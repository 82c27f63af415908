"""One run: a load, a nemesis with a seed, and the judgement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from faults.clients import Clients
from faults.history import History
from faults.jobs import wish
from faults.judge import judge
from faults.nemesis import LONG, Nemesis
from faults.record import Record, read
from faults.settling import orphans, settle, strangers
from faults.system import System, system

_WANTED = "SELECT id::text FROM workers WHERE ended_at IS NULL"
READ = 0.3  # of the jobs are followed


@dataclass(frozen=True)
class Plan:
    """What a run is to be. Everything random in it follows from the seed; the machine's own pace does not."""

    seed: int
    seconds: float
    jobs_per_second: float = 3.0
    replicas: int = 2
    longest_fault: float = LONG
    lease: float | None = None  # of workers; without it nothing is frozen for longer
    only: tuple[str, ...] = ()  # these faults, or all


@dataclass(frozen=True)
class Outcome:
    """What came of it; `broken` is empty if every promise was kept."""

    plan: Plan
    history: History
    record: Record
    broken: tuple[str, ...]
    seconds: float
    words: str

    def story(self) -> str:
        """For people: what was done, and what was wrong."""
        states: dict[str, int] = {}
        for job in self.record.jobs.values():
            states[job.state] = states.get(job.state, 0) + 1
        lines = [
            f"seed {self.plan.seed}: {len(self.record.jobs)} jobs, {len(self.record.attempts)} attempts, "
            f"{sum(map(len, self.record.chunks.values()))} chunks of output, "
            f"{len(self.history.readings)} readers, {self.seconds:.0f} s",
            "ends: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items())),
            *self.history.faults,
        ]
        if self.broken:
            lines += ["broken:", *(f"  {text}" for text in self.broken), self.words]
        return "\n".join(lines)


async def run(plan: Plan, settings: Mapping[str, str] | None = None) -> Outcome:
    """Bring a platform up, load it, break it, and judge."""
    began = time.monotonic()
    async with system(plan.replicas, settings, clocks=True) as found:
        history = History()
        clients = Clients(found, history, Random(f"{plan.seed} clients"))
        random = Random(f"{plan.seed} nemesis")
        nemesis = Nemesis(found, history, random, plan.longest_fault, plan.lease, plan.only)
        async with asyncio.TaskGroup() as group:
            raging = group.create_task(nemesis.rage(plan.seconds))
            await load(clients, plan, raging)
        await clients.finish()
        broken = await settle(found)
        broken += await orphans(found)
        broken += strangers(found, {str(row[0]) for row in await found.rows(_WANTED)})
        record = await read(found, history)
        broken += judge(record)
        return Outcome(plan, history, record, tuple(broken), time.monotonic() - began, found.words())


async def load(clients: Clients, plan: Plan, while_running: asyncio.Task[None]) -> None:
    """Submit at a steady rate, however it goes with the ones before, as long as the other task runs."""
    random = Random(f"{plan.seed} jobs")
    number = 0
    since = time.monotonic()
    while not while_running.done():
        number += 1
        clients.begin(wish(number, random), read=random.random() < READ)
        await asyncio.sleep(max(0.0, since + number / plan.jobs_per_second - time.monotonic()))


def seed_of(text: str | None) -> int:
    """The seed that was asked for, or a new one."""
    return int(text) if text else Random().randrange(10**6)


__all__ = ["Outcome", "Plan", "System", "run", "seed_of"]
