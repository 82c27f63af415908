"""What goes wrong, when, and how it is mended."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from hodei_proto.wire import hodei as wire

from simulation.machines import Machine, register_only
from simulation.net import Replica
from simulation.plan import CALM, CONTROL

if TYPE_CHECKING:
    from simulation.world import World


class Nemesis:
    """Breaks something every now and then, and mends each after a while, or at the end."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random
        self._open: dict[int, Callable[[], None]] = {}
        self._count = 0

    async def run(self, seconds: float, pace: float, profile: str) -> None:
        """Until so many seconds have passed; then nothing is broken any more."""
        if profile == CALM:
            await asyncio.sleep(seconds)
            return
        faults = [*_CONTROL] if profile == CONTROL else [*_CONTROL, *_ROUGH]
        gentle = profile == CONTROL
        until = self._world.now + seconds
        while True:
            await asyncio.sleep(self._random.expovariate(pace / 60))
            if self._world.now >= until:
                break
            self._random.choice(faults)(self, gentle)
        for node in self._world.loop.nodes:
            node.fuse = node.on_fuse = None
        self._world.store.doomed.clear()
        for mend in [*self._open.values()]:
            mend()
        self._world.history.fault("all is mended")

    def _for(self, seconds: float, mend: Callable[[], None], what: str) -> None:
        """Mend it after so long."""
        self._count += 1
        number = self._count

        def close() -> None:
            if self._open.pop(number, None) is not None:
                self._world.history.fault(f"mended: {what}")
                mend()

        self._open[number] = close
        self._world.history.fault(f"{what} for {seconds:.1f} s")
        self._world.net.later(seconds, close)

    # -- the control plane and its store -----------------------------------------------------------

    def _replica(self) -> Replica | None:
        up = [replica for replica in self._world.net.replicas if replica.node is not None]
        return self._random.choice(up) if up else None

    def crash_replica(self, gentle: bool) -> None:
        """kill -9, or the power of its machine."""
        replica = self._replica()
        if replica is None:
            return
        silently = not gentle and self._random.random() < 0.3

        def crash() -> None:
            if replica.node is not None:
                self._world.kill_replica(replica, silently=silently)
                down = self._random.uniform(0.2, 12 if gentle else 40)
                self._for(down, lambda: self._world.start_replica(replica), f"{replica.name} is killed")

        assert replica.node is not None
        luck = self._random.random()
        if luck < 0.4:
            replica.node.fuse, replica.node.on_fuse = self._random.randint(1, 400), crash
        elif luck < 0.7:
            self._world.store.doomed[replica.node] = crash
        else:
            crash()

    def restart_replica(self, gentle: bool) -> None:
        """SIGTERM, and a new one after a while."""
        replica = self._replica()
        if replica is None:
            return
        down = self._random.uniform(0.2, 10)
        self._world.stop_replica(replica)
        self._for(down + 8, lambda: self._world.replace_replica(replica), f"{replica.name} is stopped")

    def freeze_replica(self, gentle: bool) -> None:
        """SIGSTOP."""
        replica = self._replica()
        if replica is None or replica.node is None or replica.node.stopped:
            return
        node = replica.node
        node.stop()
        self._for(self._random.uniform(0.1, 8 if gentle else 70), node.resume, f"{replica.name} is frozen")

    def store_outage(self, gentle: bool) -> None:
        """The database goes away."""
        store = self._world.store
        if not store.down:
            store.go_down()
            self._for(self._random.uniform(0.1, 10 if gentle else 40), store.come_up, "the store is down")

    def store_trouble(self, gentle: bool) -> None:
        """Connections break, commits fail, and some succeed although nobody hears of it."""
        store = self._world.store
        store.break_rate = self._random.choice((0.0, 0.02, 0.1))
        store.lose_rate = self._random.choice((0.0, 0.1, 0.4))
        store.slowness = self._random.choice((1.0, 1.0, 10.0, 60.0))

        def mend() -> None:
            store.break_rate = store.lose_rate = 0.0
            store.slowness = 1.0

        what = f"the store is troubled ({store.break_rate} {store.lose_rate} {store.slowness})"
        self._for(self._random.uniform(1, 20), mend, what)

    def stranger(self, gentle: bool) -> None:
        """Somebody's worker registers, in development mode, and never opens its stream."""
        self._count += 1
        request = wire.RegisterWorkerRequest(auth_token="dev-x")
        name = f"stranger-{self._count}"
        self._world.history.fault(f"{name} registers")
        self._world.loop.world.start(register_only(self._world.net, name, request), name)

    # -- everything else ---------------------------------------------------------------------------

    def _machine(self) -> Machine | None:
        alive = [m for m in self._world.engine.machines.values() if m.node is not None and m.node.alive]
        return self._random.choice(alive) if alive else None

    def freeze_agent(self, gentle: bool) -> None:
        """SIGSTOP to the agent; its job goes on."""
        machine = self._machine()
        if machine is not None and machine.node is not None and not machine.node.stopped:
            node = machine.node
            node.stop()
            self._world.history.stood_still.add(str(machine.spec.worker_id))
            self._for(self._random.choice((2, 10, 50, 90)), node.resume, f"{machine.name} is frozen")

    def crash_machine(self, gentle: bool) -> None:
        """The machine of an agent loses its power."""
        machine = self._machine()
        if machine is None or machine.node is None:
            return

        def crash() -> None:
            self._world.history.fault(f"{machine.name} loses its power")
            machine.lose_power()

        if self._random.random() < 0.5:
            machine.node.fuse, machine.node.on_fuse = self._random.randint(1, 100), crash
        else:
            crash()

    def term_agent(self, gentle: bool) -> None:
        """Somebody tells an agent to go."""
        machine = self._machine()
        if machine is not None and machine.node is not None and machine.node.signal(signal.SIGTERM):
            self._world.history.fault(f"{machine.name} gets SIGTERM")

    def cut(self, gentle: bool) -> None:
        """One direction, or both, between an agent and a replica, or all of them."""
        machine = self._machine()
        if machine is None:
            return
        replicas = self._world.net.replicas
        chosen = [self._random.choice(replicas)] if self._random.random() < 0.4 else list(replicas)
        ways = self._random.choice(("up", "down", "both", "both"))
        paths = [(machine.name, r.name) for r in chosen] if ways != "down" else []
        paths += [(r.name, machine.name) for r in chosen] if ways != "up" else []
        self._block(paths, f"{machine.name} is cut off ({ways}) from {[r.name for r in chosen]}")

    def cut_replica(self, gentle: bool) -> None:
        """A replica loses all agents; clients reach it."""
        replica = self._random.choice(self._world.net.replicas)
        names = [machine.name for machine in self._world.engine.machines.values()]
        paths = [path for name in names for path in ((name, replica.name), (replica.name, name))]
        self._block(paths, f"{replica.name} is cut off")

    def _block(self, paths: list[tuple[str, str]], what: str) -> None:
        net = self._world.net
        for path in paths:
            net.block(*path)

        def mend() -> None:
            for path in paths:
                net.unblock(*path)

        self._for(self._random.choice((0.5, 5, 20, 35, 60, 90)), mend, what)

    def reset_lines(self, gentle: bool) -> None:
        """Connections break, with or without a word."""
        for line in list(self._world.net.lines):
            if self._random.random() < 0.5:
                if self._random.random() < 0.5 or not line.agent.startswith("agent"):
                    line.reset()
                else:  # only the server itself could tell a reader of output that it has come to the end
                    line.end_cleanly()
        self._world.history.fault("connections are reset")

    def slow_net(self, gentle: bool) -> None:
        """Everything takes long."""
        net = self._world.net
        net.slowness = self._random.choice((20.0, 200.0))

        def mend() -> None:
            net.slowness = 1.0

        self._for(self._random.uniform(2, 30), mend, f"the network is slow ({net.slowness})")

    def engine_outage(self, gentle: bool) -> None:
        """The engine does not answer."""
        engine = self._world.engine
        engine.outage = True

        def mend() -> None:
            engine.outage = False

        self._for(self._random.uniform(1, 40), mend, "the engine is out")

    def engine_trouble(self, gentle: bool) -> None:
        """Creates and destroys are slow, fail, or succeed although nobody hears of it."""
        engine = self._world.engine
        engine.fail_rate = self._random.choice((0.0, 0.2, 0.5))
        engine.lose_rate = self._random.choice((0.0, 0.2, 0.4))
        engine.slow_rate = self._random.choice((0.0, 0.5))

        def mend() -> None:
            engine.fail_rate = engine.lose_rate = engine.slow_rate = 0.0

        self._for(self._random.uniform(2, 30), mend, "the engine is troubled")

    def mute_agents(self, gentle: bool) -> None:
        """Agents that are made now register and are not heard of again."""
        engine = self._world.engine
        engine.mute_rate = self._random.choice((0.3, 1.0))

        def mend() -> None:
            engine.mute_rate = 0.0

        self._for(self._random.uniform(2, 30), mend, "agents register only")

    def step_clock(self, gentle: bool) -> None:
        """The wall clock of a replica is set, and set right again; a new process has a right one."""
        replica = self._replica()
        if replica is None or replica.node is None:
            return
        node, step = replica.node, self._random.choice((-20.0, -2.0, 2.0, 20.0))
        node.skew += step

        def mend() -> None:
            node.skew -= step

        self._for(self._random.uniform(5, 40), mend, f"the clock of {node} is {step} s off")

    def step_store_clock(self, gentle: bool) -> None:
        """The store's clock is set, for good: it moved to another machine, or was asleep."""
        step = self._random.choice((-60.0, -20.0, 20.0, 60.0, 3600.0))
        self._world.store_skew += step
        self._world.history.clock_steps.append((self._world.now, step))
        self._world.history.fault(f"the store's clock is set by {step} s")

    def operator(self, gentle: bool) -> None:
        """Somebody drains a worker, or has it destroyed."""
        machine, replica = self._machine(), self._replica()
        if machine is None or replica is None or replica.agents is None:
            return
        self._world.operate(replica, machine.spec.worker_id)

    def another_database(self, gentle: bool) -> None:
        """A server is started with the address of another database, where the engine's workers are ours."""
        seconds = self._random.uniform(2, 20)
        self._world.history.fault(f"a server on another database is there for {seconds:.1f} s")
        self._world.loop.world.start(self._world.visit(seconds), "visit")

    def fill_disks(self, gentle: bool) -> None:
        """No agent can spool to its disk."""
        engine = self._world.engine
        engine.disks_full = True

        def mend() -> None:
            engine.disks_full = False

        self._for(self._random.uniform(2, 60), mend, "all disks are full")


_CONTROL = [
    Nemesis.crash_replica,
    Nemesis.crash_replica,
    Nemesis.restart_replica,
    Nemesis.freeze_replica,
    Nemesis.store_outage,
    Nemesis.store_trouble,
    Nemesis.store_trouble,
    Nemesis.step_store_clock,
    Nemesis.step_store_clock,
    Nemesis.stranger,
    Nemesis.another_database,
]
_ROUGH = [
    Nemesis.freeze_agent,
    Nemesis.crash_machine,
    Nemesis.term_agent,
    Nemesis.cut,
    Nemesis.cut,
    Nemesis.cut,
    Nemesis.cut_replica,
    Nemesis.reset_lines,
    Nemesis.reset_lines,
    Nemesis.slow_net,
    Nemesis.engine_outage,
    Nemesis.engine_trouble,
    Nemesis.mute_agents,
    Nemesis.step_clock,
    Nemesis.operator,
    Nemesis.operator,
    Nemesis.fill_disks,
]
