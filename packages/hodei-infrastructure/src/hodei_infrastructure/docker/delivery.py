"""Bringing the agent into containers: a volume for each version of it, filled once; or a copy."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field
from hodei_domain.providers.errors import WorkerNotCreated

from hodei_infrastructure.docker.archive import Entry, archive
from hodei_infrastructure.docker.convert import AGENT_DIR, agent_mount, engine_instant
from hodei_infrastructure.docker.engine import Engine, filters
from hodei_infrastructure.docker.errors import EngineRefused

if TYPE_CHECKING:
    from hodei_agent_bundle import Bundle

log = logging.getLogger("hodei.docker")

AGENT = "hodei.agent"
"""The label of what carries an agent, and not a worker."""

COMPLETE = ".complete"  # the last file that is put into a volume
FILLED_WITHIN = 60.0
"""Seconds after which one who fills a volume is taken to be dead: it is the work of one."""

LOOK_AGAIN = 0.2
UNUSED_FOR = 3600.0
"""Seconds that a volume stays without a container. A server of its version may be about to use it."""


@define(eq=False)
class Delivery:
    """The agent for one engine. `cache` is where a bundle that had to be built is kept."""

    _engine: Engine
    _cache: Path
    lacking: str = field(default="", init=False)  # for which architecture there was no agent, last
    _bundles: dict[str, Bundle] = field(factory=dict, init=False)
    _filled: dict[str, str] = field(factory=dict, init=False)  # volume → when it was made, as we saw it whole
    _lock: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def bundle(self, architecture: str) -> Bundle:
        """The agent for machines of that kind, built if need be. Raises WorkerNotCreated."""
        from hodei_agent_bundle import BundleUnavailable, find_bundle

        if architecture not in self._bundles:
            async with self._lock:
                try:
                    found = await asyncio.to_thread(find_bundle, architecture, self._cache)
                except BundleUnavailable as error:
                    self.lacking = architecture
                    raise WorkerNotCreated(f"no agent for this engine: {error}") from error
                self._bundles[architecture], self.lacking = found, ""
        return self._bundles[architecture]

    async def volume(self, bundle: Bundle, image: str) -> str | None:
        """The name of a volume that has the agent; None if there can be none and it must be copied.

        `image` is one that the engine has: it takes a container, which is never started, to fill a volume.
        """
        name = f"hodei-agent-{bundle.digest}-{bundle.architecture}"
        async with self._lock:
            try:
                if await self._is_known(name) or await self._fill(name, bundle, image):
                    return name
            except EngineRefused as refused:
                log.warning("The agent is copied into each container: %s", refused.message)
        return None

    async def copy(self, container: str, bundle: Bundle) -> None:
        """Put the agent into a container that has no volume with it and was not started yet."""
        await self._engine.put_archive(container, "/", archive([Entry(name=AGENT_DIR[1:], mode=0o755)]))
        content = await asyncio.to_thread(bundle.archive.read_bytes)
        await self._engine.put_archive(container, AGENT_DIR, content)

    async def _is_known(self, name: str) -> bool:
        """Whether we saw this very volume complete."""
        volume = await self._engine.find(f"volumes/{name}")
        return volume is not None and self._filled.get(name) == _made_at(volume)

    async def _fill(self, name: str, bundle: Bundle, image: str) -> bool:
        """See that the volume has the agent; False if another process is at it for too long."""
        volume = await self._engine.post("volumes/create", {"Name": name, "Labels": {AGENT: bundle.digest}})
        helper = await self._take_turn(name, bundle, image)
        if helper is None:
            return False
        try:
            if not await self._engine.has_path(helper, f"{AGENT_DIR}/{COMPLETE}"):
                content = await asyncio.to_thread(bundle.archive.read_bytes)
                await self._engine.put_archive(helper, AGENT_DIR, content)
                last = archive([Entry(name=COMPLETE, mode=0o444, content=b"")])
                await self._engine.put_archive(helper, AGENT_DIR, last)
                log.info("Filled the volume %s with the agent", name)
        finally:
            await self._engine.delete(f"containers/{helper}", force="1", v="1")
        self._filled[name] = _made_at(volume)
        return True

    async def _take_turn(self, name: str, bundle: Bundle, image: str) -> str | None:
        """A container to fill the volume through. Its name is a lock between all processes."""
        body = {
            "Image": image,
            "Entrypoint": [f"{AGENT_DIR}/never-started"],
            "Cmd": [],
            "Labels": {AGENT: bundle.digest},
            "HostConfig": {"NetworkMode": "none", "Mounts": [agent_mount(name, read_only=False)]},
        }
        deadline = asyncio.get_running_loop().time() + FILLED_WITHIN
        while asyncio.get_running_loop().time() < deadline:
            try:
                made = await self._engine.post("containers/create", body, name=f"{name}-filling")
                return str(made["Id"])
            except EngineRefused as refused:
                if refused.status != 409:
                    raise
            await self._remove_stale()
            await asyncio.sleep(LOOK_AGAIN)
        return None

    # --- cleaning up ---

    async def sweep(self) -> None:
        """Remove what earlier versions, and processes that died while they filled a volume, left behind."""
        await self._remove_stale()
        ours = {f"hodei-agent-{b.digest}-{b.architecture}" for b in self._bundles.values()}
        found = await self._engine.get("volumes", filters=filters(label=AGENT, dangling="true"))
        for volume in found.get("Volumes") or []:
            if volume["Name"] not in ours and _age(volume.get("CreatedAt")) > UNUSED_FOR:
                await self._remove(f"volumes/{volume['Name']}")

    async def _remove_stale(self) -> None:
        helpers = await self._engine.get("containers/json", all="1", filters=filters(label=AGENT))
        for helper in helpers:
            if datetime.now(UTC).timestamp() - int(helper["Created"]) > FILLED_WITHIN:
                await self._remove(f"containers/{helper['Id']}", force="1", v="1")

    async def _remove(self, path: str, **params: Any) -> None:
        try:
            await self._engine.delete(path, **params)
        except EngineRefused as refused:  # in use after all, or another was quicker
            log.debug("%s stays: %s", path, refused.message)


def _made_at(volume: dict[str, Any]) -> str:
    return str(volume.get("CreatedAt") or "")


def _age(made_at: Any) -> float:
    instant = engine_instant(str(made_at or ""))
    if instant is None:
        return 0.0
    return (datetime.now(UTC) - instant).total_seconds()
