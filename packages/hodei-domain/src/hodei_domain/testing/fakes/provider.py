"""A provider whose engine is a dictionary and does what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

from attrs import define, evolve, field, frozen

from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.logs.chunk import LogChunk
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import ProviderUnavailable
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.provider import ProviderType
from hodei_domain.providers.records import (
    ABSENT,
    FoundWorker,
    Health,
    LeftEnd,
    Presence,
    PresenceState,
    Usage,
    WorkerSighting,
)
from hodei_domain.testing.fakes.sources import START
from hodei_domain.workers.spec import WorkerSpec

_RUNNING = Presence(state=PresenceState.RUNNING)


@frozen(kw_only=True)
class Made:
    """What the engine made for a worker."""

    spec: WorkerSpec
    otp: str = field(repr=False)
    presence: Presence = _RUNNING
    made_at: datetime


@define(kw_only=True)
class ScriptedProvider:
    """Serves every provider port. Tests read `made` and `calls`, and script what goes wrong.

    `failures` are raised by the next creates, one each. `refusals` maps demand keys to why_not(). `outage`
    makes every call raise ProviderUnavailable. `on_prepare` is awaited before a create, `on_create`
    after it: an agent's part can be played there. `left` is what dead workers have on their disks.
    """

    name: str = "scripted"
    type: ProviderType = ProviderType.TEST
    capabilities: Capabilities = field(factory=lambda: Capabilities(images=True))
    now: Callable[[], datetime] = lambda: START
    made: dict[WorkerId, Made] = field(factory=dict)
    calls: list[tuple[str, WorkerId]] = field(factory=list)
    failures: list[Exception] = field(factory=list)
    refusals: dict[str, str] = field(factory=dict)
    outage: str = ""
    starts_in: timedelta = timedelta(seconds=1)
    left: dict[WorkerId, list[LogChunk | LeftEnd]] = field(factory=dict)
    cost_per_hour: float = 0.0
    on_prepare: Callable[[WorkerSpec], Awaitable[None]] | None = None
    on_create: Callable[[WorkerSpec, str], Awaitable[None]] | None = None
    on_destroy: Callable[[WorkerId], Awaitable[None]] | None = None
    _sightings: "asyncio.Queue[WorkerSighting]" = field(factory=asyncio.Queue)

    @property
    def plugin(self) -> ProviderPlugin:
        """All its ports in one record."""
        return ProviderPlugin(
            name=self.name,
            type=self.type,
            capabilities=self.capabilities,
            lifecycle=self,
            preparation=self,
            inventory=self,
            eligibility=self,
            health=self,
            logs=self,
            cost=self,
            metrics=self,
            events=self,
            spool=self,
        )

    async def prepare(self, spec: WorkerSpec) -> None:
        """See WorkerPreparation."""
        if self.on_prepare is not None:
            await self.on_prepare(spec)

    async def create_worker(self, spec: WorkerSpec, otp: str) -> None:
        """See WorkerLifecycle."""
        self.calls.append(("create", spec.worker_id))
        self._refuse_in_outage()
        if spec.worker_id in self.made:
            return
        if self.failures:
            raise self.failures.pop(0)
        self.made[spec.worker_id] = Made(spec=spec, otp=otp, made_at=self.now())
        if self.on_create is not None:
            await self.on_create(spec, otp)

    async def worker_status(self, id: WorkerId) -> Presence:
        """See WorkerLifecycle."""
        self._refuse_in_outage()
        made = self.made.get(id)
        return ABSENT if made is None else made.presence

    async def destroy_worker(self, id: WorkerId, grace: timedelta) -> None:
        """See WorkerLifecycle."""
        self.calls.append(("destroy", id))
        self._refuse_in_outage()
        if self.made.pop(id, None) is not None and self.on_destroy is not None:
            await self.on_destroy(id)

    async def list_workers(self) -> list[FoundWorker]:
        """See WorkerInventory."""
        self._refuse_in_outage()
        return [
            FoundWorker(
                worker_id=id,
                started_at=made.made_at,
                expires_at=made.spec.expires_at,
                presence=made.presence,
                database=made.spec.database,
            )
            for id, made in sorted(self.made.items())
        ]

    async def check_health(self) -> Health:
        """See WorkerHealth."""
        return Health(healthy=not self.outage, message=self.outage)

    def why_not(self, demand: DemandClass) -> str | None:
        """See WorkerEligibility."""
        return self.refusals.get(demand.key)

    async def worker_logs(self, id: WorkerId, tail: int) -> list[str]:
        """See WorkerLogs."""
        lines = [f"{what} {id}" for what, made in self.calls if made == id]
        return lines[-tail:] if tail > 0 else []

    def estimate_cost(self, demand: DemandClass) -> float:
        """See WorkerCost."""
        return self.cost_per_hour

    def startup_time(self, demand: DemandClass) -> timedelta:
        """See WorkerCost."""
        return self.starts_in

    async def usage(self, id: WorkerId) -> Usage | None:
        """See WorkerMetrics."""
        return Usage(cpu_cores=0.5, memory_bytes=1 << 20) if id in self.made else None

    async def events(self) -> AsyncIterator[WorkerSighting]:
        """See WorkerEventSource. Ends with ProviderUnavailable once an outage began and something is seen."""
        while True:
            sighting = await self._sightings.get()
            self._refuse_in_outage()
            yield sighting

    def see(self, id: WorkerId, presence: Presence, message: str = "") -> None:
        """Let the engine change a worker's presence and tell of it; ABSENT removes it."""
        if presence.state is PresenceState.ABSENT:
            self.made.pop(id, None)
        elif id in self.made:
            self.made[id] = evolve(self.made[id], presence=presence)
        self._sightings.put_nowait(
            WorkerSighting(worker_id=id, presence=presence, message=message, at=self.now())
        )

    async def left_behind(self, id: WorkerId) -> AsyncIterator[LogChunk | LeftEnd]:
        """See WorkerSpool."""
        for each in self.left.get(id, ()):
            yield each

    def _refuse_in_outage(self) -> None:
        if self.outage:
            raise ProviderUnavailable(self.outage)
