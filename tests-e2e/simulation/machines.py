"""Machines of an engine, each with a real agent, and the provider that makes and destroys them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import ProviderUnavailable, WorkerNotCreated
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.provider import ProviderType
from hodei_domain.providers.records import (
    ABSENT,
    FoundWorker,
    Health,
    Presence,
    PresenceState,
    WorkerSighting,
)
from hodei_domain.workers.spec import WorkerSpec
from hodei_proto.wire import hodei as wire
from hodei_worker.agent import Agent
from hodei_worker.attempt import Host
from hodei_worker.backoff import Backoff
from hodei_worker.connection import Connection
from hodei_worker.main import Leaving, serve
from hodei_worker.order import Order
from hodei_worker.outbox import Outbox
from hodei_worker.spool import Spool

from simulation.history import History, Ran
from simulation.loop import Node, VirtualLoop
from simulation.net import Network, Service
from simulation.process import Script, SimAttempt, SimProcess

DRAIN_SECONDS = 20.0
ADDRESS = "control-plane:50051"


class Machine:
    """A container with an agent in it. When the agent ends, or is killed, everything in it ends."""

    def __init__(self, engine: Engine, spec: WorkerSpec, otp: str) -> None:
        self.engine = engine
        self.spec = spec
        self.otp = otp
        self.name = f"agent-{next(engine.numbers)}"  # a worker may be made twice, if the first call was slow
        self.node: Node | None = None
        self.state = PresenceState.STARTING
        self.exit_code: int | None = None
        self.processes: list[SimProcess] = []
        self.made_at = datetime.now(UTC)  # not the judge's business
        self.window = engine.random.choice((64, 4096, 4 << 20))
        self.mute = engine.random.random() < engine.mute_rate

    @property
    def presence(self) -> Presence:
        """As the engine sees it."""
        return Presence(state=self.state, exit_code=self.exit_code)

    def boot(self) -> None:
        """Start the agent, unless the machine was destroyed meanwhile."""
        if self.state is PresenceState.STARTING:
            self.state = PresenceState.RUNNING
            self.node = self.engine.loop.node(self.name)
            self.node.skew = self.engine.random.uniform(-2, 2)
            self.node.start(self._main(), self.name)

    async def _main(self) -> None:
        if self.mute:
            await register_only(self.engine.net, self.name, self._registration(""))
            await asyncio.Event().wait()
        connection = Connection(
            ADDRESS,
            self._registration,
            self._agent,
            Backoff(jitter=self.engine.random.random),
            dial=lambda _: Service(self.engine.net, self.name),  # type: ignore[arg-type,return-value]
        )
        try:
            code = await serve(connection, Leaving(connection, DRAIN_SECONDS))
        except Exception as error:
            self.engine.history.problem(f"{self.name} broke: {error!r}")
            code = 70
        finally:
            connection.close()
            if connection.agent.done():
                await connection.agent.result().abandon("the agent ends")
        self.engine.history.note(f"{self.name} exits {code}")
        self.exit(code)

    def _registration(self, session_id: str) -> wire.RegisterWorkerRequest:
        return wire.RegisterWorkerRequest(
            auth_token=self.otp,
            session_id=session_id,
            worker_info=wire.WorkerInfo(
                worker_id=wire.WorkerId(value=str(self.spec.worker_id)),
                name=self.name,
                hostname=self.name,
                architecture="amd64",
                capacity=wire.ResourceCapacity(cpu_cores=2, memory_bytes=1 << 31),
            ),
        )

    def _agent(self, worker_id: str, outbox: Outbox) -> Agent:
        host = Host(
            worker_id=worker_id,
            reaper=SimpleNamespace(),  # type: ignore[arg-type]
            scratch=SimpleNamespace(base=Path("/nowhere")),  # type: ignore[arg-type]
            limiter=SimpleNamespace(),  # type: ignore[arg-type]
            base_environment={},
        )
        return Agent(host, outbox, _Meter(), self._attempt, lambda _: Spool(self.window, _Disk(self.engine)))  # type: ignore[arg-type]

    def _attempt(self, order: Order, spool: Spool, host: Host) -> SimAttempt:
        return SimAttempt(order, spool, host, self._begin)

    def _begin(self, order: Order, script: Script) -> SimProcess:
        engine = self.engine
        assert self.node is not None
        engine.pids += 1
        ran = Ran(
            engine.pids, order.key.job_id, order.key.attempt, str(self.spec.worker_id), engine.history.now
        )
        engine.history.ran.append(ran)
        engine.history.note(f"pid {ran.pid} of {order.key} began on {self.name}")
        node = engine.loop.node(f"pid-{ran.pid}")
        process = SimProcess(ran, script, node, self.node, engine.history, engine.random)
        self.processes.append(process)
        return process

    def exit(self, code: int) -> None:
        """The agent is gone, and with it everything in the container."""
        if self.node is not None:
            self.node.kill()
            self.engine.net.machine_died(self.name, silently=False)
        for process in self.processes:
            process.end(int(signal.SIGKILL))
        if self.state is not PresenceState.ABSENT:
            self.state, self.exit_code = PresenceState.EXITED, code
            self.engine.see(self)

    def lose_power(self) -> None:
        """Like exit, and nobody in the network is told."""
        silently = self.engine.random.random() < 0.5
        if self.node is not None:
            self.node.kill()
            self.engine.net.machine_died(self.name, silently=silently)
        self.exit(137)


async def register_only(net: Network, name: str, request: wire.RegisterWorkerRequest) -> None:
    """What an agent does behind a proxy that passes calls and no streams; it asks until it is let in."""
    for _ in range(100):
        try:
            await Service(net, name).register(request)
            return
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                return
        await asyncio.sleep(1)


class _Meter:
    """Measures nothing."""

    def begin(self, attempt: Any) -> None:
        """Nothing to begin."""

    def usage(self, attempt: Any, newest: bool = False) -> Any:
        from hodei_worker.usage import Usage

        return Usage(cpu_cores=0.1)


class _Disk:
    """hodei_worker.journal.Journal in memory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: list[bytes] = []
        self.full = False

    def store(self, data: bytes) -> int:
        if self._engine.disks_full:
            self.full = True
            raise OSError(28, "No space left on device")
        self._kept.append(data)
        return len(self._kept) - 1

    def load(self, place: int, size: int) -> bytes:
        return self._kept[place]

    def release(self, size: int) -> None:
        """It may stay."""

    def close(self, *, keep: bool = False) -> None:
        self.full = False


class Engine:
    """What the provider's plugin speaks to. Calls are slow, fail, and some succeed unheard."""

    def __init__(self, loop: VirtualLoop, random: Random, history: History, net: Network) -> None:
        self.loop = loop
        self.random = random
        self.history = history
        self.net = net
        self.machines: dict[WorkerId, Machine] = {}
        self.numbers = count(1)
        self.all: dict[WorkerId, Machine] = {}  # those that are no more, too
        self.pids = 0
        self.fail_rate = self.lose_rate = self.slow_rate = self.mute_rate = 0.0
        self.outage = self.disks_full = False
        self.tells = random.random() < 0.5
        self._listeners: list[asyncio.Queue[WorkerSighting]] = []

    def plugin(self, provider: Any) -> ProviderPlugin:
        """For one replica."""
        return ProviderPlugin(
            name=provider.name,
            type=ProviderType.TEST,
            capabilities=Capabilities(images=True),
            lifecycle=self,
            inventory=self,
            eligibility=self,
            health=self,
            cost=self,
            events=self if self.tells else None,
        )

    async def _travel(self, *, slow: float = 3.0) -> None:
        luck = self.random.random()
        await asyncio.sleep(slow * self.random.random() if luck < self.slow_rate else 0.005 + 0.05 * luck)

    async def _deed(self, deed: Callable[[], None], *, slow: float = 3.0) -> None:
        """Do it, or not, or do it and break off."""
        await self._travel(slow=slow)
        luck = self.random.random()
        if self.outage or luck < self.fail_rate:
            raise ProviderUnavailable("the engine does not answer")
        deed()
        if luck > 1.0 - self.lose_rate:
            raise ProviderUnavailable("the engine's answer was lost")
        await self._travel()

    async def create_worker(self, spec: WorkerSpec, otp: str) -> None:
        """See WorkerLifecycle."""
        if self.fail_rate and self.random.random() < self.fail_rate:
            await self._travel()
            raise WorkerNotCreated("no room on any machine")
        await self._deed(lambda: self._make(spec, otp), slow=12.0)

    def _make(self, spec: WorkerSpec, otp: str) -> None:
        if spec.worker_id in self.machines:
            return
        machine = Machine(self, spec, otp)
        self.machines[spec.worker_id] = self.all[spec.worker_id] = machine
        self.history.note(f"engine makes {machine.name} {spec.worker_id}")
        seconds = (
            self.random.uniform(0.1, 1.5) if self.random.random() < 0.9 else self.random.uniform(1.5, 20)
        )
        self.net.later(seconds, machine.boot)

    async def worker_status(self, id: WorkerId) -> Presence:
        """See WorkerLifecycle."""
        await self._deed(lambda: None)
        machine = self.machines.get(id)
        return ABSENT if machine is None else machine.presence

    async def destroy_worker(self, id: WorkerId, grace: timedelta) -> None:
        """See WorkerLifecycle: TERM, then KILL after the grace."""
        await self._travel()
        machine = self.machines.get(id)
        if machine is not None and machine.node is not None and not self.outage:
            machine.node.signal(signal.SIGTERM)
            until = self.loop.time() + grace.total_seconds()
            while machine.state is PresenceState.RUNNING and self.loop.time() < until:  # noqa: ASYNC110
                await asyncio.sleep(0.25)
        await self._deed(lambda: self._remove(id))

    def _remove(self, id: WorkerId) -> None:
        machine = self.machines.pop(id, None)
        if machine is not None:
            self.history.note(f"engine destroys {machine.name}")
            machine.state = PresenceState.ABSENT
            machine.exit(137)

    async def list_workers(self) -> list[FoundWorker]:
        """See WorkerInventory."""
        await self._deed(lambda: None)
        return [
            FoundWorker(
                worker_id=id,
                started_at=None,
                expires_at=None,
                presence=machine.presence,
                database=machine.spec.database,
            )
            for id, machine in sorted(self.machines.items())
        ]

    async def check_health(self) -> Health:
        """See WorkerHealth."""
        await self._travel()
        return Health(healthy=not self.outage, message="out" if self.outage else "")

    def why_not(self, demand: DemandClass) -> str | None:
        """See WorkerEligibility."""
        return None

    def estimate_cost(self, demand: DemandClass) -> float:
        """See WorkerCost."""
        return 0.0

    def startup_time(self, demand: DemandClass) -> timedelta:
        """See WorkerCost."""
        return timedelta(seconds=1)

    async def events(self) -> AsyncIterator[WorkerSighting]:
        """See WorkerEventSource."""
        queue: asyncio.Queue[WorkerSighting] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while True:
                sighting = await queue.get()
                if self.outage:
                    raise ProviderUnavailable("the engine does not answer")
                yield sighting
        finally:
            self._listeners.remove(queue)

    def see(self, machine: Machine) -> None:
        """Tell those who listen."""
        sighting = WorkerSighting(
            worker_id=machine.spec.worker_id, presence=machine.presence, at=datetime(2025, 1, 1, tzinfo=UTC)
        )
        for queue in self._listeners:
            queue.put_nowait(sighting)
