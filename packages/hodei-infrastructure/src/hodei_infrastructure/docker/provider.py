"""The Docker provider: each worker is a container of the image that its jobs ask for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from attrs import define, field
from hodei_domain.jobs.result import Reason
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import WorkerNotCreated
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
from hodei_infrastructure.docker.archive import Entry, archive
from hodei_infrastructure.docker.config import DockerConfig
from hodei_infrastructure.docker.credentials import Credentials
from hodei_infrastructure.docker.delivery import Delivery
from hodei_infrastructure.docker.ending import Ending
from hodei_infrastructure.docker.engine import Engine, filters
from hodei_infrastructure.docker.errors import EngineRefused, start_refusal
from hodei_infrastructure.docker.facts import EngineFacts, ImageFacts, engine_facts
from hodei_infrastructure.docker.pulling import Images
from hodei_infrastructure.docker.reaching import OpenDoor, Reaching, no_door
from hodei_infrastructure.docker.sightings import Sightings

NAME = "docker"
ANSWERS_WITHIN = 8.0  # seconds for an engine to say how it does
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between tries to find an engine that was not there
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
    _credentials: Credentials = field(factory=Credentials)
    on_change: Callable[[Capabilities], None] = field(default=lambda _: None)
    _engine: Engine = field(init=False)
    _images: Images = field(init=False)
    _delivery: Delivery = field(init=False)
    _ending: Ending = field(init=False)
    _reaching: Reaching = field(init=False)
    _sightings: Sightings = field(init=False)
    _facts: EngineFacts | None = field(default=None, init=False)
    _default_refused: str = field(default="", init=False)
    _expected: timedelta = field(default=GUESS, init=False)
    _making: set[WorkerId] = field(factory=set, init=False)
    _has_tmp: dict[str, bool] = field(factory=dict, init=False)
    _preparing: asyncio.Task[None] | None = field(default=None, init=False)
    _locks: WeakValueDictionary[WorkerId, asyncio.Lock] = field(factory=WeakValueDictionary, init=False)

    def __attrs_post_init__(self) -> None:
        self._engine = Engine(self._config.socket_path)
        self._images = Images(self._engine, self._credentials)
        self._delivery = Delivery(self._engine, self._cache)
        self._ending = Ending(self._engine)
        self._reaching = Reaching(self._engine, self._config, self._server_address, self._open_door)
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

    async def create_worker(self, spec: WorkerSpec, otp: str) -> None:
        """Make and start a container, unless this worker has one or had one."""
        async with self._lock(spec.worker_id), self._made_here(spec.worker_id):
            if await self._exists(spec.worker_id):
                return
            began = asyncio.get_running_loop().time()
            image = await self._image(spec)
            pulled = asyncio.get_running_loop().time()
            await self._make(spec, otp, image)
            log.info("Container started", extra={"worker": spec.worker_id, "image": spec.demand.image})
            log.debug("It took %.3f s to have the image", pulled - began)
            self._learn(asyncio.get_running_loop().time() - pulled)

    @asynccontextmanager
    async def _made_here(self, id: WorkerId) -> AsyncIterator[None]:
        self._making.add(id)
        try:
            yield
        finally:
            self._making.discard(id)

    async def _exists(self, id: WorkerId) -> bool:
        """Whether the worker has a container that was started. One that never was is removed: its server died
        meanwhile, and the password in it is not good any more.
        """
        document = await self._inspect(id)
        if document is None:
            return False
        if not self._is_ours(document, id):
            raise WorkerNotCreated(
                f"the engine has a container {convert.container_name(id)} that is not of this installation"
            )
        if document["State"]["Status"] != "created":
            return True
        await self._ending.remove(document["Id"])
        return False

    async def _image(self, spec: WorkerSpec) -> ImageFacts:
        name = spec.demand.image or self._config.default_image
        if not name:
            raise WorkerNotCreated(f"it {convert.why_not(spec.demand, self._facts, self._config)}")
        engine = self._facts or await self.look()
        try:
            image = await self._images.get(
                name, spec.demand.pull, lambda text: self._sightings.stage(spec.worker_id, text)
            )
            _fits(name, image, engine)
        except WorkerNotCreated as error:
            if spec.demand.image or not error.final:
                raise
            # Jobs that asked for no image can run elsewhere, and the default may be put right.
            self._default_refused = error.message
            raise WorkerNotCreated(error.message, reason=error.reason) from error
        return image

    async def _make(self, spec: WorkerSpec, otp: str, image: ImageFacts) -> None:
        name = spec.demand.image or self._config.default_image
        engine = self._facts or await self.look()
        bundle = await self._delivery.bundle(engine.architecture)
        volume = await self._delivery.volume(bundle, image.id)
        self._sightings.stage(spec.worker_id, f"starting a container of {name}")
        body = convert.container(
            spec,
            image=image,
            engine=engine,
            config=self._config,
            marks=self._marks,
            command=bundle.command(convert.AGENT_DIR),
            volume=volume,
        )
        container = await self._create(spec, name, body)
        if container is None:
            return
        try:
            if volume is None:
                await self._delivery.copy(container, bundle)
            await self._furnish(container, image, otp)
            await self._engine.post(f"containers/{container}/start")
        except EngineRefused as refused:
            await self._ending.remove(container)
            raise start_refusal(name, refused) from refused

    async def _create(self, spec: WorkerSpec, name: str, body: dict[str, Any]) -> str | None:
        """The id of the new container; None if another server was quicker."""
        try:
            made = await self._engine.post(
                "containers/create", body, name=convert.container_name(spec.worker_id)
            )
        except EngineRefused as refused:
            if refused.status == 409 and await self._exists(spec.worker_id):
                return None
            raise start_refusal(name, refused) from refused
        return str(made["Id"])

    async def _furnish(self, container: str, image: ImageFacts, otp: str) -> None:
        """Put in what the agent needs: its password, and a /tmp if the image has none."""
        if image.id not in self._has_tmp:
            self._has_tmp[image.id] = await self._engine.has_path(container, "/tmp")  # noqa: S108
        # Nobody but the agent is in the container before the agent has read it and removed it.
        secret = f"{convert.SECRET_DIR}/{convert.SECRET_FILE}"
        entries = [
            Entry(name=convert.SECRET_DIR, mode=0o777),
            Entry(name=secret, mode=0o444, content=otp.encode()),
        ]
        if not self._has_tmp[image.id]:
            entries.append(Entry(name="tmp", mode=0o1777))
        await self._engine.put_archive(container, "/", archive(entries))

    async def worker_status(self, id: WorkerId) -> Presence:
        """By its container. One that was made and never started is nobody's, unless that is under way."""
        document = await self._inspect(id)
        if document is None or not self._is_ours(document, id):
            return ABSENT
        presence = convert.to_presence(document)
        if document["State"]["Status"] == "created" and id not in self._making:
            return ABSENT
        return presence

    async def destroy_worker(self, id: WorkerId, grace: timedelta) -> None:
        """TERM to the agent, which stops its job; after the grace KILL to all of it."""
        async with self._lock(id):
            document = await self._inspect(id)
            if document is None or not self._is_ours(document, id):
                return
            await self._ending.end(document, grace)
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
        presence = convert.to_presence(await self._inspect(found.worker_id))  # says why it ended
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
            await self._delivery.bundle(facts.architecture)
            await self._look_for_default()
        except HodeiError as error:
            return Health(healthy=False, message=error.message, details=details)
        return Health(healthy=True, message=f"Docker {facts.version} at {self.address}", details=details)

    async def _look_for_default(self) -> None:
        if self._default_refused and await self._images.find(self._config.default_image):
            self._default_refused = ""

    def why_not(self, demand: DemandClass) -> str | None:
        """What the engine's machine has not, and jobs without an image where no default is set."""
        if not demand.image and self._default_refused:
            return f"its default image cannot be used: {self._default_refused}"
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

    async def worker_logs(self, id: WorkerId, tail: int) -> list[str]:
        """What the agent printed, for as long as its container is there."""
        document = await self._inspect(id)
        if document is None or not self._is_ours(document, id):
            return []
        raw = await self._engine.read(
            f"containers/{document['Id']}/logs", stdout="1", stderr="1", tail=str(tail)
        )
        return [line for _, line in output.lines(raw)][-tail:] if tail > 0 else []

    async def usage(self, id: WorkerId) -> Usage | None:
        """Processor time is an average over the life of the container."""
        document = await self._inspect(id)
        if document is None or not self._is_ours(document, id) or not document["State"]["Running"]:
            return None
        query: dict[str, Any] = {"stream": "false", "one-shot": "true"}  # without it the engine takes 2 s
        stats = await self._engine.get(f"containers/{document['Id']}/stats", **query)
        started = convert.engine_instant(document["State"]["StartedAt"])
        age = datetime.now(UTC) - started if started is not None else timedelta(0)
        return convert.to_usage(stats, age.total_seconds())

    # --- common ---

    async def _inspect(self, id: WorkerId) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = await self._engine.get(f"containers/{convert.container_name(id)}/json")
        except EngineRefused as refused:
            if refused.status != 404:
                raise
            return None
        return document

    def _is_ours(self, document: dict[str, Any], id: WorkerId) -> bool:
        return convert.is_ours((document.get("Config") or {}).get("Labels"), self._marks, id)

    def _lock(self, id: WorkerId) -> asyncio.Lock:
        return self._locks.setdefault(id, asyncio.Lock())

    def plugin(self) -> ProviderPlugin:
        """All ports, as the application takes them."""
        return ProviderPlugin(
            name=self.name,
            type=self.type,
            capabilities=self.capabilities,
            lifecycle=self,
            inventory=self,
            eligibility=self,
            health=self,
            logs=self,
            cost=self,
            metrics=self,
            events=self,
            server_address=self.server_address,
        )


def _fits(name: str, image: ImageFacts, engine: EngineFacts) -> None:
    if image.architecture and engine.architecture and image.architecture != engine.architecture:
        raise WorkerNotCreated(
            f"the image {name} is for {image.architecture}, the engine's machine is {engine.architecture}",
            reason=Reason.IMAGE_ARCHITECTURE,
            final=True,
        )


def _described(facts: EngineFacts) -> dict[str, str]:
    held = "held" if facts.limits_disks else f"not held by its storage driver, {facts.storage_driver}"
    return {
        "version": facts.version,
        "architecture": facts.architecture,
        "cpu_cores": str(facts.cpu_cores),
        "memory_mib": str(facts.memory_mib),
        "gpus": "yes" if facts.gpus else "no",
        "storage_limits": held,
    }
