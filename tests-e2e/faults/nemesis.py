"""Breaks things, one after the other, in an order that follows from the seed, and mends them again."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from random import Random

import psycopg

from faults.clock import WallClock
from faults.history import History
from faults.processes import send
from faults.replica import Replica
from faults.system import System

# All below the time for which a worker may be silent (45 s), so that no job is lost by them.
SHORT, LONG = 2.0, 12.0
CALM = 3.0
DATABASE_AHEAD = 60.0
BEYOND = "freeze an agent beyond its lease"
TABLES = ("job_leases", "jobs", "workers", "job_log_chunks", "audit_logs", "metrics_tallies", "settings")
CLOCKS = ("set the clock of a server", "set the clock of the database")


class Nemesis:
    """Each fault is a method; the names are what the history says. `lease`: of workers, in seconds; without
    it nothing is frozen for longer. `only` these faults, or all.
    """

    def __init__(
        self,
        system: System,
        history: History,
        random: Random,
        longest: float = LONG,
        lease: float | None = None,
        only: Collection[str] = (),
    ) -> None:
        self._system = system
        self._history = history
        self._random = random
        self._longest = longest
        self._lease = lease
        self._only = only

    def faults(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """All that it knows to do."""
        return {
            "kill -9 a server": self.kill_server,
            "freeze a server": self.freeze_server,
            "stop a server in good order": self.leave_server,
            "kill -9 an agent": self.kill_agent,
            "freeze an agent": self.freeze_agent,
            BEYOND: self.freeze_agent_beyond_its_lease,
            "kill -9 Postgres": self.kill_database,
            "freeze Postgres": self.freeze_database,
            "stop Postgres": self.stop_database,
            "terminate the listeners": self.terminate_listeners,
            "lock a table": self.lock_table,
            "make an index": self.make_index,
            "cut agents": self.cut_agents,
            "half-open to agents": self.half_open_agents,
            "cut the database": self.cut_database,
            "half-open to the database": self.half_open_database,
            CLOCKS[0]: self.set_server_clock,
            CLOCKS[1]: self.set_database_clock,
        }

    async def rage(self, seconds: float) -> None:
        """Break and mend until the time is over; at the end everything is whole again.

        Each fault comes once before any comes again.
        """
        until = time.monotonic() + seconds
        order: list[str] = []
        known = {name: fault for name, fault in self.faults().items() if self._is_wanted(name)}
        while time.monotonic() < until:
            if not order:
                order = sorted(known)
                self._random.shuffle(order)
            name = order.pop()
            began = time.time()
            self._history.fault(name)
            await known[name]()
            self._history.outages.append((began, time.time()))
            await asyncio.sleep(CALM + self._random.uniform(0, 1))
        for replica in self._system.replicas:
            await replica.start()
        self._history.mended_at = time.time()
        self._history.fault("everything is whole")

    def _is_wanted(self, name: str) -> bool:
        able = name not in CLOCKS or self._system.database.clock.can_be_set
        return able and (not self._only or name in self._only) and (name != BEYOND or self._lease is not None)

    def _pause(self) -> float:
        return self._random.uniform(SHORT, self._longest)

    def _server(self) -> Replica:
        return self._random.choice(self._system.replicas)

    async def kill_server(self) -> None:
        """And start it again a little later."""
        replica = self._server()
        await replica.kill()
        await asyncio.sleep(self._pause() / 2)
        await replica.start()

    async def leave_server(self) -> None:
        """SIGTERM, as an upgrade does it."""
        replica = self._server()
        began = time.monotonic()
        await replica.leave()
        self._history.fault(f"  it took {time.monotonic() - began:.1f} s")
        await asyncio.sleep(self._pause() / 4)
        await replica.start()

    async def freeze_server(self) -> None:
        """Slow is not dead."""
        replica = self._server()
        replica.freeze()
        await asyncio.sleep(self._pause())
        replica.thaw()

    async def kill_agent(self) -> None:
        """Its job dies with it."""
        agents = self._system.agents()
        if agents:
            worker = self._random.choice(sorted(agents))
            self._history.hurt.add(worker)
            send(signal.SIGKILL, agents[worker])

    async def freeze_agent(self) -> None:
        """For less than its lease: nothing may come of it."""
        agents = self._system.agents()
        if agents:
            pid = agents[self._random.choice(sorted(agents))]
            send(signal.SIGSTOP, pid)
            await asyncio.sleep(self._pause())
            send(signal.SIGCONT, pid)

    async def freeze_agent_beyond_its_lease(self) -> None:
        """Its job goes on meanwhile, and is given to another worker; what it tells afterwards is refused."""
        agents = self._system.agents()
        if agents and self._lease is not None:
            worker = self._random.choice(sorted(agents))
            self._history.hurt.add(worker)
            send(signal.SIGSTOP, agents[worker])
            await asyncio.sleep(1.2 * self._lease)
            send(signal.SIGCONT, agents[worker])

    async def kill_database(self) -> None:
        """Embedded ones are started again at once."""
        self._system.database.kill()

    async def freeze_database(self) -> None:
        """Connections stay, and answer nothing."""
        frozen = self._system.database.freeze()
        await asyncio.sleep(self._pause() / 2)
        self._system.database.thaw(frozen)

    async def stop_database(self) -> None:
        """As for an upgrade of it."""
        await self._system.database.stop()
        await asyncio.sleep(self._pause())
        await self._system.database.start()

    async def terminate_listeners(self) -> None:
        """Hints are deaf for a moment."""
        try:
            await self._system.database.terminate_listeners()
        except psycopg.Error as error:
            self._history.fault(f"  not possible: {error}")

    async def lock_table(self) -> None:
        """Somebody keeps a table to himself."""
        await self._lock(self._random.choice(TABLES), "ACCESS EXCLUSIVE")

    async def make_index(self) -> None:
        """A table can be read and not written."""
        await self._lock(self._random.choice(TABLES), "SHARE")

    async def _lock(self, table: str, mode: str) -> None:
        try:
            await self._system.database.lock(table, mode, self._pause())
        except psycopg.Error as error:
            self._history.fault(f"  not possible: {error}")

    async def cut_agents(self) -> None:
        """Every connection of workers is reset."""
        for replica in self._system.replicas:
            replica.proxy.cut()

    async def half_open_agents(self) -> None:
        """Nothing passes between workers and servers; then the connections are gone."""
        chosen = self._random.sample(
            self._system.replicas, self._random.randint(1, len(self._system.replicas))
        )
        for replica in chosen:
            replica.proxy.hold()
        await asyncio.sleep(self._pause())
        cut = self._random.random() < 0.5
        for replica in chosen:
            if cut:
                replica.proxy.cut()
            replica.proxy.release()

    async def set_server_clock(self) -> None:
        """By minutes or hours; and right again."""
        await self._set(self._server().clock, (-3600.0, -100.0, 100.0, 3600.0))

    async def set_database_clock(self) -> None:
        """By more than a lease is long; and right again."""
        self._history.database_ahead = DATABASE_AHEAD
        await self._set(self._system.database.clock, (-20.0, DATABASE_AHEAD))

    async def _set(self, clock: WallClock, choice: Sequence[float]) -> None:
        ahead = self._random.choice(choice)
        self._history.fault(f"  by {ahead:+.0f} s")
        clock.set(ahead)
        await asyncio.sleep(self._pause())
        clock.set(0.0)

    async def cut_database(self) -> None:
        """Every connection of servers to it is reset."""
        self._system.database.proxy.cut()

    async def half_open_database(self) -> None:
        """Nothing passes between servers and database."""
        proxy = self._system.database.proxy
        proxy.hold()
        await asyncio.sleep(self._pause())
        if self._random.random() < 0.5:
            proxy.cut()
        proxy.release()
