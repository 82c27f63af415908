"""The Docker provider: each worker is a container of the image that its jobs ask for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from attrs import define, field
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.provider import ProviderType
from hodei_domain.providers.records import (
    ABSENT,
    FoundWorker,
    Health,
    Presence,
    PresenceState,
    Usage,
    WorkerSighting,
)
from hodei_domain.workers.spec import WorkerSpec

from hodei_infrastructure.docker import convert, output
from hodei_infrastructure.docker.config import DockerConfig
from hodei_infrastructure.docker.containers import Containers
from hodei_infrastructure.docker.credentials import Credentials
from hodei_infrastructure.docker.delivery import Delivery
from hodei_infrastructure.docker.engine import Engine, filters
from hodei_infrastructure.docker.facts import EngineFacts, ImageFacts, engine_facts
from hodei_infrastructure.docker.making import Making
from hodei_infrastructure.docker.pulling import Images
from hodei_infrastructure.docker.reaching import OpenDoor, Reaching, no_door
from hodei_infrastructure.docker.sightings import Sightings

NAME = "docker"
UNNAMED = "<none>:<none>"
ANSWERS_WITHIN = 8.0  # seconds for an engine to say how it does
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between tries to find an engine that was not there
PACKS_AFTER = 3.0  # seconds; a server that runs one short job without an image is gone by then
AGENT_STARTS_WITHIN = timedelta(milliseconds=200)
GUESS = timedelta(seconds=1)
RECENT = 0.3  # the weight of the newest start in what is expected of the next

log = logging.getLogger("hodei.docker")


@define(eq=False)
class DockerProvider:
    """Serves all the ports of a provider.

    Everything about a worker is in its container: name, labels, state. Nothing is kept here but what can be
    asked again: facts about the engine, and which volume is known to be complete.
    """

    _config: DockerConfig
    _marks: convert.Marks
    _cache: Path
    _server_address: str
    _open_door: OpenDoor = no_door
    _advertised: str = ""
    _credentials: Credentials = field(factory=Credentials)
    on_change: Callable[[Capabilities], None] = field(default=lambda _: None)
    _engine: Engine = field(init=False)
    _images: Images = field(init=False)
    _delivery: Delivery = field(init=False)
    _containers: Containers = field(init=False)
    _making: Making = field(init=False)
    _reaching: Reaching = field(init=False)
    _sightings: Sightings = field(init=False)
    _facts: EngineFacts | None = field(default=None, init=False)
    _expected: timedelta = field(default=GUESS, init=False)
    _under_way: set[WorkerId] = field(factory=set, init=False)
    _prepared: dict[WorkerId, ImageFacts] = field(factory=dict, init=False)
    _preparing: asyncio.Task[None] | None = field(default=None, init=False)
    _locks: WeakValueDictionary[WorkerId, asyncio.Lock] = field(factory=WeakValueDictionary, init=False)

    def __attrs_post_init__(self) -> None:
        self._engine = Engine(self._config.socket_path)
        self._images = Images(self._engine, self._credentials)
        self._delivery = Delivery(self._engine, self._cache)
        self._containers = Containers(self._engine)
        self._making = Making(
            config=self._config,
            marks=self._marks,
            engine=self._engine,
            images=self._images,
            delivery=self._delivery,
            containers=self._containers,
        )
        self._reaching = Reaching(
            self._engine, self._config, self._server_address, self._open_door, self._advertised
        )
        self._sightings = Sightings(self._engine, self._marks, self.worker_status)

    @property
    def name(self) -> str:
        """The provider's name, as its containers carry it."""
        return self._marks.provider

    @property
    def type(self) -> ProviderType:
        """Containers of a Docker engine."""
        return ProviderType.DOCKER

    @property
    def address(self) -> str:
        """Where the engine is: unix:///path or tcp://host:port."""
        return self._config.socket_path

    @property
    def capabilities(self) -> Capabilities:
        """What the engine's machine has, as the engine said last."""
        return convert.to_capabilities(self._facts)

    # --- its own life ---

    def start(self) -> None:
        """Get ready in the background, as soon as the engine answers: workers of an earlier server are
        dialling, and the first new one should not wait for the agent to be packed.
        """
        if self._preparing is None:
            self._preparing = asyncio.create_task(self._prepare(), name="prepare the Docker provider")

    async def close(self) -> None:
        """Stop watching. The containers go on, and the next server finds them."""
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.gather(self._preparing, return_exceptions=True)
        await self._images.close()
        await self._engine.close()

    async def _prepare(self) -> None:
        pause, said = FIRST_PAUSE, ""
        while True:
            try:
                facts = await self.look()
                await self._reaching.address(facts)
                await asyncio.sleep(PACKS_AFTER)
                await self._delivery.bundle(facts.architecture)
                return
            except HodeiError as error:
                if error.message != said:
                    log.warning("No workers in containers for now: %s", error.message)
                said = error.message
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def look(self) -> EngineFacts:
        """Ask the engine what it is now. Raises ProviderUnavailable."""
        facts = engine_facts(await self._engine.get("info", within=ANSWERS_WITHIN))
        if facts != self._facts:
            self._facts = facts
            self.on_change(self.capabilities)
        return facts

    async def server_address(self) -> str:
        """host:port for a worker that is made now to dial. Raises ProviderUnavailable."""
        return await self._reaching.address(self._facts or await self.look())

    # --- WorkerLifecycle ---

    async def prepare(self, spec: WorkerSpec) -> None:
        """Pull the image."""
        facts = self._facts or await self.look()
        tell = partial(self._sightings.stage, spec.worker_id)
        self._prepared[spec.worker_id] = await self._making.image(spec, facts, tell)

    async def create_worker(self, spec: WorkerSpec, otp: str) -> None:
        """Make and start a container, unless this worker has one or had one."""
        async with self._lock(spec.worker_id), self._made_here(spec.worker_id):
            if await self._making.exists(spec.worker_id):
                return
            tell = partial(self._sightings.stage, spec.worker_id)
            facts = self._facts or await self.look()
            image = self._prepared.pop(spec.worker_id, None) or await self._making.image(spec, facts, tell)
            began = asyncio.get_running_loop().time()
            if await self._making.start(spec, otp, facts, image, tell):
                self._learn(asyncio.get_running_loop().time() - began)
                name = self._making.name_of(spec)
                log.info("Container started", extra={"worker": spec.worker_id, "image": name})

    @asynccontextmanager
    async def _made_here(self, id: WorkerId) -> AsyncIterator[None]:
        self._under_way.add(id)
        try:
            yield
        finally:
            self._under_way.discard(id)

    async def worker_status(self, id: WorkerId) -> Presence:
        """By its container. One that was made and never started is nobody's, unless that is under way."""
        document = await self._find(id)
        if document and document["State"]["Status"] == "created" and id not in self._under_way:
            return ABSENT
        return convert.to_presence(document)

    async def destroy_worker(self, id: WorkerId, grace: timedelta) -> None:
        """TERM to the agent, which stops its job; after the grace KILL to all of it."""
        self._prepared.pop(id, None)
        async with self._lock(id):
            document = await self._find(id)
            if document is not None:
                await self._containers.end(document, grace)
                log.info("Container removed", extra={"worker": id})

    # --- WorkerInventory, WorkerEventSource ---

    async def list_workers(self) -> list[FoundWorker]:
        """By the labels. What earlier versions left on the engine is removed on this occasion."""
        wanted = filters(label=f"{convert.INSTALLATION}={self._marks.installation}")
        summaries = await self._engine.get("containers/json", all="1", filters=wanted)
        found = [await self._found(summary) for summary in summaries]
        await self._delivery.sweep()
        return sorted((each for each in found if each is not None), key=lambda each: each.worker_id)

    async def _found(self, summary: dict[str, Any]) -> FoundWorker | None:
        found = convert.to_found(summary)
        if found is None or found.presence.state is not PresenceState.EXITED:
            return found
        presence = convert.to_presence(await self._find(found.worker_id))  # says why it ended
        return convert.to_found(summary, presence)

    async def events(self) -> AsyncIterator[WorkerSighting]:
        """How new workers come along, and what happens to containers."""
        async for sighting in self._sightings.listen():
            yield sighting

    # --- the small ports ---

    async def check_health(self) -> Health:
        """Whether the engine answers, and its workers would have an agent and find the server."""
        details = {"address": self.address}
        try:
            facts = await self.look()
            details |= _described(facts)
            details["server_for_workers"] = await self._reaching.address(facts)
            if self._delivery.lacking:
                await self._delivery.bundle(facts.architecture)
            await self._making.why_no_default()
        except HodeiError as error:
            return Health(healthy=False, message=error.message, details=details)
        return Health(healthy=True, message=f"Docker {facts.version} at {self.address}", details=details)

    def why_not(self, demand: DemandClass) -> str | None:
        """What the engine's machine has not, and jobs without an image where no default is set."""
        if not demand.image and self._making.default_refused:
            return f"its default image cannot be used: {self._making.default_refused}"
        return convert.why_not(demand, self._facts, self._config)

    def estimate_cost(self, demand: DemandClass) -> float:
        """Nothing: the machine is there already."""
        return 0.0

    def startup_time(self, demand: DemandClass) -> timedelta:
        """By experience, with an image that is there."""
        return self._expected

    def _learn(self, seconds: float) -> None:
        took = timedelta(seconds=seconds) + AGENT_STARTS_WITHIN
        self._expected += (took - self._expected) * RECENT

    async def list_images(self) -> list[str]:
        """Those that have a name."""
        found = await self._engine.get("images/json", within=ANSWERS_WITHIN)
        return sorted({name for image in found for name in image.get("RepoTags") or () if name != UNNAMED})

    async def worker_logs(self, id: WorkerId, tail: int) -> list[str]:
        """What the agent printed, for as long as its container is there."""
        document = await self._find(id)
        if document is None:
            return []
        raw = await self._engine.read(
            f"containers/{document['Id']}/logs", stdout="1", stderr="1", tail=str(tail)
        )
        return [line for _, line in output.lines(raw)][-tail:] if tail > 0 else []

    async def usage(self, id: WorkerId) -> Usage | None:
        """Processor time is an average over the life of the container."""
        document = await self._find(id)
        if document is None or not document["State"]["Running"]:
            return None
        query: dict[str, Any] = {"stream": "false", "one-shot": "true"}  # without it the engine takes 2 s
        stats = await self._engine.get(f"containers/{document['Id']}/stats", **query)
        started = convert.engine_instant(document["State"]["StartedAt"])
        age = datetime.now(UTC) - started if started is not None else timedelta(0)
        return convert.to_usage(stats, age.total_seconds())

    # --- common ---

    async def _find(self, id: WorkerId) -> dict[str, Any] | None:
        """The worker's container, if it is ours."""
        document = await self._containers.named(id)
        return document if document and convert.is_ours(document, self._marks, id) else None

    def _lock(self, id: WorkerId) -> asyncio.Lock:
        return self._locks.setdefault(id, asyncio.Lock())

    def plugin(self) -> ProviderPlugin:
        """All ports, as the application takes them."""
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
            images=self,
            cost=self,
            metrics=self,
            events=self,
            server_address=self.server_address,
        )


def _described(facts: EngineFacts) -> dict[str, str]:
    held = "held" if facts.limits_disks else facts.why_no_quota
    return {
        "version": facts.version,
        "architecture": facts.architecture,
        "cpu_cores": str(facts.cpu_cores),
        "memory_mib": str(facts.memory_mib),
        "gpus": "yes" if facts.gpus else "no",
        "storage_limits": held,
    }
