"""Workers' containers: finding them by their one name; TERM, grace, KILL, and nothing left of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import define
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.providers.errors import ProviderUnavailable

from hodei_infrastructure.docker.convert import container_name
from hodei_infrastructure.docker.engine import Engine
from hodei_infrastructure.docker.errors import EngineRefused

IDLE_LEAVES_WITHIN = 0.3  # seconds in which an agent without a job is gone after TERM
REMOVED_WITHIN = 20.0  # seconds for a removal that another has begun
LOOK_AGAIN = 0.1
_RUNS = frozenset({"running", "paused", "restarting"})


@define(eq=False)
class Containers:
    """The containers of one engine."""

    _engine: Engine

    async def named(self, id: WorkerId) -> dict[str, Any] | None:
        """What the engine has under the name of this worker, ours or not; None if nothing."""
        document: dict[str, Any] | None = await self._engine.find(f"containers/{container_name(id)}/json")
        return document

    async def end(self, document: Mapping[str, Any], grace: timedelta) -> None:
        """End and remove a container, by GET /containers/…/json. Raises ProviderUnavailable."""
        container = str(document["Id"])
        if document["State"]["Status"] in _RUNS and grace > timedelta(0):
            await self._ask(container, grace.total_seconds())
        await self.remove(container)

    async def _ask(self, container: str, grace: float) -> None:
        """TERM lets an agent finish its job, a second one tells it to end the job: nobody waits for it."""
        await self._send(container, "TERM")
        if not await self._gone(container, min(grace, IDLE_LEAVES_WITHIN)):
            await self._send(container, "TERM")
            await self._gone(container, grace - IDLE_LEAVES_WITHIN)

    async def _send(self, container: str, signal: str) -> None:
        try:
            await self._engine.post(f"containers/{container}/kill", signal=signal)
        except EngineRefused as refused:
            if refused.status not in (404, 409):  # it is not there, or does not run
                raise

    async def _gone(self, container: str, seconds: float) -> bool:
        """Wait for so long for its end; whether it came."""
        if seconds <= 0:
            return False
        try:
            async with asyncio.timeout(seconds):
                await self._engine.post(f"containers/{container}/wait", within=seconds + 5)
        except TimeoutError:
            return False
        except EngineRefused as refused:
            if refused.status != 404:
                raise
        return True

    async def remove(self, container: str) -> None:
        """KILL what runs in it, and remove it with the volumes that are its own. Gone already is right."""
        try:
            await self._engine.delete(f"containers/{container}", force="1", v="1")
        except EngineRefused as refused:
            if refused.status == 409:  # another has begun to remove it
                await self._wait_for_removal(container)
            elif refused.status != 404:
                raise

    async def _wait_for_removal(self, container: str) -> None:
        deadline = asyncio.get_running_loop().time() + REMOVED_WITHIN
        while asyncio.get_running_loop().time() < deadline:
            if await self._engine.find(f"containers/{container}/json") is None:
                return
            await asyncio.sleep(LOOK_AGAIN)
        raise ProviderUnavailable(f"container {container[:12]} is being removed, and still there")
