"""One world: a store, replicas, an engine with machines, clients; and what is done to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import grpc
import grpc.aio
from attrs import evolve
from hodei_application.control_plane import ControlPlane, Outside, Policy, build
from hodei_application.ports import Hint, no_hint
from hodei_application.providers.register_provider import NewProvider
from hodei_domain.jobs.state import OVER
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import WorkerId, uuid7
from hodei_domain.providers.provider import ProviderType
from hodei_domain.scheduling.choose import WorkerStrategy
from hodei_domain.testing.fakes.sources import START
from hodei_domain.workers.state import GOING, STARTING
from hodei_grpc.services.agents import WorkerAgents
from hodei_proto.wire import hodei as wire

from simulation.clients import Client
from simulation.faults import Nemesis
from simulation.history import History
from simulation.loop import Node, new_loop
from simulation.machines import Engine
from simulation.net import Network, Replica
from simulation.plan import plan_of, submission_of
from simulation.store import SimStore

SETTLED_WITHIN = 900.0  # virtual seconds after the last fault
LOOK_EVERY = 1.0
ENOUGH = 8  # seconds in which an agent certainly comes back


class World:
    """Runs one seed. Everything random comes from it, each part with a stream of its own."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.plan = plan_of(self._stream("plan"))
        self.loop = new_loop(self._stream("order"))
        self.history = History(self.loop.time)
        self.policy = Policy(scheduler=self.plan.config)
        self.store = SimStore(self._stream("store"), self.history, self._store_clock, self.policy.lease)
        self.net = Network(self._stream("net"), self.history, self.loop.world)
        self.net.heard_ends = self._heard_end
        self.engine = Engine(self.loop, self._stream("engine"), self.history, self.net)
        self.store_skew = 0.0  # seconds by which the store's clock is ahead
        self.mended_at = 0.0
        self.settled = False
        self.longest_absence = 0.0  # seconds without a stretch in which the control plane could be used
        self._ids = self._stream("ids")
        self._operator = self._stream("operator")
        self._strangers = count(1)

    def _stream(self, name: str) -> Random:
        return Random(f"{self.seed}/{name}")

    @property
    def now(self) -> float:
        """Virtual seconds."""
        return self.loop.time()

    def _store_clock(self) -> datetime:
        return START + timedelta(seconds=self.loop.time() + self.store_skew)

    def run(self) -> None:
        """From the start until everything has settled, or should have."""
        watch = _Watch(self.history)
        logging.getLogger("hodei").addHandler(watch)
        try:
            self.loop.run(self._main())
            self.history.problems += self.loop.problems
            self.history.note(f"{self.loop.steps} steps")
        finally:
            self.history.on = False
            logging.getLogger("hodei").removeHandler(watch)

    def close(self) -> None:
        """Let go of everything that is still at something, after it was judged."""
        watch = _Watch(self.history)
        logging.getLogger("hodei").addHandler(watch)
        self.loop.wind_up()
        logging.getLogger("hodei").removeHandler(watch)

    async def _main(self) -> None:
        plan = self.plan
        self.history.note(f"{plan}")
        for number in range(plan.replicas):
            replica = Replica(f"replica-{number}")
            self.net.replicas.append(replica)
            self.start_replica(replica)
        self.loop.world.start(self._watch_absences(), "absences")
        clients = self._start_clients()
        await Nemesis(self, self._stream("faults")).run(plan.trouble, plan.pace, plan.profile)
        self.mended_at = self.now
        while self.now < self.mended_at + SETTLED_WITHIN:
            await asyncio.sleep(LOOK_EVERY)
            if self._is_settled() and all(client.done() for client in clients):
                self.settled = True
                return

    async def _watch_absences(self) -> None:
        """Measure how long nobody could rely on the control plane, single good moments left aside."""
        good, last = 0, self.now
        while True:
            await asyncio.sleep(1)
            good = good + 1 if self._is_usable() else 0
            if good >= ENOUGH:
                last = self.now
            self.longest_absence = max(self.longest_absence, self.now - last)

    def _is_usable(self) -> bool:
        store = self.store
        ill = store.down or store.break_rate >= 0.1 or store.slowness >= 60
        up = [
            r for r in self.net.replicas if r.agents is not None and r.node is not None and not r.node.stopped
        ]
        return bool(up) and not ill

    def _start_clients(self) -> list[asyncio.Task[None]]:
        random, tasks = self._stream("clients"), []
        clients = [Client(f"client-{n}", self.net, random, self.history) for n in range(self.plan.clients)]
        nodes = [self.loop.node(client.name) for client in clients]
        for number in range(self.plan.jobs):
            which = random.randrange(len(clients))
            submission = submission_of(random, number)
            at = random.uniform(0.5, self.plan.trouble)
            tasks.append(nodes[which].start(clients[which].serve(submission, at), f"job {number}"))
        return tasks

    def _is_settled(self) -> bool:
        tables = self.store.tables
        return (
            all(job.state in OVER or job.held for job in tables.jobs.rows.values())
            and not any(w.state in GOING and not w.is_over for w in tables.workers.rows.values())
            and not any(w.state in STARTING for w in tables.workers.rows.values())
            and all(ran.ended is not None for ran in self.history.ran)
            and not self.orphans()
        )

    def _heard_end(self, agent: str, ack: wire.ResultAck) -> None:
        if not ack.accepted:
            return
        worker = next(str(id) for id, m in self.engine.all.items() if m.name == agent)
        self.history.accepted.append((self.now, worker, (ack.job_id, ack.attempt)))

    def orphans(self) -> list[WorkerId]:
        """Machines that no living row wants."""
        rows = self.store.tables.workers.rows
        return [id for id in self.engine.machines if (row := rows.get(id)) is None or row.is_over]

    # -- replicas ----------------------------------------------------------------------------------

    def start_replica(self, replica: Replica) -> None:
        """A new process in this place."""
        if replica.node is not None:
            return
        replica.life += 1
        node = replica.node = self.loop.node(f"{replica.name}.{replica.life}")
        node.skew = self._ids.uniform(-1, 1)
        self.history.note(f"{node} starts")
        node.start(self._serve(replica, node), str(node))

    def _control(
        self, node: Node, store: SimStore, hint: Hint, random: Random, *, makes_workers: bool = True
    ) -> ControlPlane:
        return build(
            Outside(
                begin=store.begin,
                now=lambda: START + timedelta(seconds=self.loop.time() + node.skew),
                new_id=lambda: uuid7(int((START.timestamp() + self.now) * 1000), random.getrandbits(74)),
                secrets=random.randbytes,
                plugins=self.engine.plugin,
                server_address="control-plane:50051",
                jitter=random.random,
                hint=hint,
                monotonic=self.loop.time,
                replica=node.name,
                dev_mode=True,
            ),
            evolve(self.policy, provisioning=makes_workers),
        )

    async def _serve(self, replica: Replica, node: Node) -> None:
        def hint(kind: str) -> None:
            for other in self.net.replicas:
                if other is not replica and self._ids.random() < 0.9:
                    self.net.later(self._ids.uniform(0.02, 0.3), self._hint, other, kind)

        control = self._control(node, self.store, hint, self._ids)
        while True:
            try:
                await control.ensure_provider(
                    NewProvider(name="engine", type=ProviderType.TEST, max_workers=self.plan.max_workers)
                )
                await control.start()
                break
            except HodeiError:
                await asyncio.sleep(0.5)
        replica.control = control
        replica.agents = WorkerAgents(control, lambda: START, lambda context: True)

    async def visit(self, seconds: float) -> None:
        """A server comes up with the address of another database on the same engine, and goes again."""
        node = self.loop.node(f"stranger-{next(self._strangers)}")
        clock, random = self._store_clock, self._stream(node.name)
        store = SimStore(random, self.history, clock, self.policy.lease)
        control = self._control(node, store, no_hint, random, makes_workers=False)

        async def serve() -> None:
            await control.ensure_provider(NewProvider(name="engine", type=ProviderType.TEST))
            await control.start()

        node.start(serve(), str(node))
        await asyncio.sleep(seconds)
        node.kill()

    def _hint(self, replica: Replica, kind: str) -> None:
        if replica.agents is not None and replica.node is not None:
            replica.node.call(replica.control.hinted, kind)

    def kill_replica(self, replica: Replica, *, silently: bool) -> None:
        """It is gone."""
        node = replica.node
        assert node is not None
        replica.node = replica.agents = replica.control = None
        node.kill()
        self.store.forget(node)
        self.net.machine_died(replica.name, silently=silently)

    def stop_replica(self, replica: Replica) -> None:
        """SIGTERM: no new calls, an orderly stop, the end of the process."""
        node, control = replica.node, replica.control
        assert node is not None
        if control is None:
            self.kill_replica(replica, silently=False)
            return
        replica.agents = None
        self.history.note(f"{node} leaves")

        async def leave() -> None:
            try:
                async with asyncio.timeout(7):
                    await control.stop()
            except TimeoutError:
                self.history.note(f"{node} does not stop in time")
            if replica.node is node:
                self.kill_replica(replica, silently=False)

        node.start(leave(), "leave")

    def replace_replica(self, replica: Replica) -> None:
        """A new process, whether the old one has gone by itself or not."""
        if replica.node is not None:
            self.kill_replica(replica, silently=False)
        self.start_replica(replica)

    def operate(self, replica: Replica, worker_id: WorkerId) -> None:
        """An operator does one thing or another."""
        random, jobs = self._operator, list(self.store.tables.jobs.rows)
        job_id = random.choice(jobs) if jobs else None
        strategy = random.choice(list(WorkerStrategy))
        deeds: dict[str, Callable[[Any], Any]] = {
            "terminates": lambda c: c.terminate_worker(worker_id),
            "drains": lambda c: c.drain_worker(worker_id, deadline=timedelta(seconds=20)),
            "assigns by hand to": lambda c: c.assign_job(job_id, worker_id),
            "configures": lambda c: c.configure_scheduler(evolve(self.plan.config, worker_strategy=strategy)),
            "collects garbage of": lambda c: c.collect_garbage(),
        }
        what = random.choice(list(deeds))
        self.history.fault(f"an operator {what} {worker_id}")

        async def call() -> None:
            try:
                await self.net.ask("operator", replica, lambda r: deeds[what](r.control))
            except grpc.aio.AioRpcError as error:
                self.history.note(f"the operator is refused: {error.details()}")

        self.loop.world.start(call(), "operator")


class _Watch(logging.Handler):
    """An error in the log of the product is a bug of ours, unless it tells of what was done to it."""

    EXPECTED = ("The server refused this worker", "Giving up")

    def __init__(self, history: History) -> None:
        super().__init__(logging.ERROR)
        self._history = history

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if not text.startswith(self.EXPECTED):
            error = record.exc_info[1] if record.exc_info else None
            self._history.problem(f"{record.name}: {text} {error!r}")
