"""What the engine and the provider tell of workers, on one string."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import define, field
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import WorkerId, parse_worker_id
from hodei_domain.providers.errors import ProviderUnavailable
from hodei_domain.providers.records import ABSENT, Presence, PresenceState, WorkerSighting

from hodei_infrastructure.docker.convert import INSTALLATION, WORKER, Marks
from hodei_infrastructure.docker.engine import Engine, filters

KEPT = 1000
"""Sightings that wait for somebody to listen; of more the oldest are dropped. They are hints."""

Look = Callable[[WorkerId], Awaitable[Presence]]


@define(eq=False)
class Sightings:
    """Collects what is seen until it is heard. `look` asks the engine how a worker stands."""

    _engine: Engine
    _marks: Marks
    _look: Look
    _seen: asyncio.Queue[WorkerSighting | ProviderUnavailable] = field(
        factory=lambda: asyncio.Queue(KEPT), init=False
    )

    def tell(self, worker_id: WorkerId, presence: Presence, message: str, at: datetime | None = None) -> None:
        """Something was seen."""
        self._put(
            WorkerSighting(
                worker_id=worker_id, presence=presence, message=message, at=at or datetime.now(UTC)
            )
        )

    def stage(self, worker_id: WorkerId, message: str) -> None:
        """A worker that is being made has come so far."""
        self.tell(worker_id, Presence(state=PresenceState.STARTING), message)

    async def listen(self) -> AsyncIterator[WorkerSighting]:
        """All that is seen from now on, until the engine breaks off: ends with ProviderUnavailable."""
        since = f"{time.time():.3f}"  # else what happens while we connect would be missed
        watching = asyncio.create_task(self._watch(since), name="events of the Docker engine")
        try:
            while True:
                seen = await self._seen.get()
                if isinstance(seen, ProviderUnavailable):
                    raise seen
                yield seen
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    def _put(self, seen: WorkerSighting | ProviderUnavailable) -> None:
        if self._seen.full():
            self._seen.get_nowait()
        self._seen.put_nowait(seen)

    async def _watch(self, since: str) -> None:
        wanted = filters(type="container", label=f"{INSTALLATION}={self._marks.installation}")
        try:
            async for event in self._engine.stream("GET", "events", filters=wanted, since=since):
                await self._take(event)
        except ProviderUnavailable as error:
            self._put(error)
        else:
            self._put(ProviderUnavailable("the Docker engine ended its stream of events"))

    async def _take(self, event: Mapping[str, Any]) -> None:
        actor = event.get("Actor") or {}
        try:
            worker_id = parse_worker_id((actor.get("Attributes") or {}).get(WORKER, ""))
        except InvalidInput:
            return
        at = datetime.fromtimestamp(int(event.get("timeNano") or 0) / 1e9, UTC)
        match event.get("Action"):
            case "start":
                self.tell(worker_id, Presence(state=PresenceState.RUNNING), "its container runs", at)
            case "oom":
                running = Presence(state=PresenceState.RUNNING)
                self.tell(worker_id, running, "the memory of its container ran out", at)
            case "die":
                presence = await self._look(worker_id)
                self.tell(worker_id, presence, presence.reason or "its container has ended", at)
            case "destroy":
                self.tell(worker_id, ABSENT, "its container was removed", at)
