"""From a wish to a container that runs: its image, the agent in it, its password, its start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from attrs import define, evolve, field
from hodei_domain.jobs.result import Reason
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.providers.errors import WorkerNotCreated
from hodei_domain.workers.spec import WorkerSpec

from hodei_infrastructure.docker import accounts, convert
from hodei_infrastructure.docker.archive import Entry, archive
from hodei_infrastructure.docker.config import DockerConfig
from hodei_infrastructure.docker.containers import Containers
from hodei_infrastructure.docker.delivery import Delivery
from hodei_infrastructure.docker.engine import Engine
from hodei_infrastructure.docker.errors import EngineRefused, is_about_quotas, start_refusal
from hodei_infrastructure.docker.facts import EngineFacts, ImageFacts
from hodei_infrastructure.docker.pulling import Images

STARTED_WITHIN = 5.0  # seconds for another server to start the container that it has made
LOOK_AGAIN = 0.1

Tell = Callable[[str], None]


@define(eq=False, kw_only=True)
class Making:
    """Makes containers for workers. Nothing is left of one that cannot start."""

    config: DockerConfig
    marks: convert.Marks
    engine: Engine
    images: Images
    delivery: Delivery
    containers: Containers
    _default_refused: str = field(default="", init=False)
    _no_quotas: bool = field(default=False, init=False)  # it refused one
    _has_tmp: dict[str, bool] = field(factory=dict, init=False)
    _lists: dict[tuple[str, str], list[Entry]] = field(factory=dict, init=False)

    def name_of(self, spec: WorkerSpec) -> str:
        """The name of its image: the job's own, or the default."""
        return spec.demand.image or self.config.default_image

    async def image(self, spec: WorkerSpec, facts: EngineFacts, tell: Tell) -> ImageFacts:
        """The worker's image, pulled if need be. Raises WorkerNotCreated.

        Trouble with the default image is not final: jobs that asked for no image can run elsewhere, and the
        default may be put right.
        """
        name = self.name_of(spec)
        if not name:
            raise WorkerNotCreated(f"it {convert.why_not(spec.demand, facts, self.config)}")
        try:
            image = await self.images.get(name, spec.demand.pull, tell)
            _check_architecture(name, image, facts)
        except WorkerNotCreated as error:
            if spec.demand.image or not error.final:
                raise
            self._default_refused = error.message
            raise WorkerNotCreated(error.message, reason=error.reason) from error
        return image

    async def why_no_default(self) -> str:
        """What was wrong with the default image, "" if nothing is or the engine has it by now."""
        if self._default_refused and await self.images.find(self.config.default_image):
            self._default_refused = ""
        return self._default_refused

    @property
    def default_refused(self) -> str:
        """What was wrong with the default image when it was last asked for, "" for nothing."""
        return self._default_refused

    async def start(
        self, spec: WorkerSpec, otp: str, facts: EngineFacts, image: ImageFacts, tell: Tell
    ) -> bool:
        """Make and start the container; False if another server was quicker. Raises WorkerNotCreated."""
        name = self.name_of(spec)
        user = self._user(spec, image)
        if self._no_quotas:
            facts = evolve(facts, backing=f"{facts.backing} without pquota")
        bundle = await self.delivery.bundle(facts.architecture)
        volume = await self.delivery.volume(bundle, image.id)
        tell(f"starting a container of {name}")
        body = convert.container(
            spec,
            image=image,
            user=user,
            engine=facts,
            config=self.config,
            marks=self.marks,
            command=bundle.command(convert.AGENT_DIR),
            volume=volume,
        )
        try:
            container = await self._create(spec.worker_id, name, body)
        except WorkerNotCreated as error:
            if self._no_quotas or not is_about_quotas(error.message):
                raise
            self._no_quotas = True  # it was worth a try
            return await self.start(spec, otp, facts, image, tell)
        if container is None:
            return False
        try:
            if volume is None:
                await self.delivery.copy(container, bundle)
            await self._furnish(container, image, user, otp)
            await self.engine.post(f"containers/{container}/start")
        except EngineRefused as refused:
            await self.containers.remove(container)
            raise start_refusal(name, refused) from refused
        except WorkerNotCreated:
            await self.containers.remove(container)
            raise
        return True

    def _user(self, spec: WorkerSpec, image: ImageFacts) -> str:
        """Who its jobs are. Raises WorkerNotCreated if that may not be."""
        user = convert.user_of(spec.demand.user, image, self.config)
        if refusal := convert.why_not_as(user, self.config):
            raise _is_root(self.name_of(spec), self.marks.provider, refusal)
        return user

    async def exists(self, id: WorkerId) -> bool:
        """Whether the worker has a container that was started. Raises WorkerNotCreated if a stranger has its
        name.

        One that was never started is removed: its server died meanwhile, and the password in it is not good
        any more.
        """
        document = await self.containers.named(id)
        if document is None:
            return False
        if not convert.is_ours(document, self.marks, id):
            raise WorkerNotCreated(
                f"the engine has a container {convert.container_name(id)} that is not of this installation"
            )
        if document["State"]["Status"] != "created":
            return True
        await self.containers.remove(document["Id"])
        return False

    async def _create(self, id: WorkerId, name: str, body: dict[str, Any]) -> str | None:
        """The id of the new container; None if another server was quicker."""
        try:
            made = await self.engine.post("containers/create", body, name=convert.container_name(id))
        except EngineRefused as refused:
            if refused.status == 409 and (await self._started(id) or await self.exists(id)):
                return None
            raise start_refusal(name, refused) from refused
        return str(made["Id"])

    async def _started(self, id: WorkerId) -> bool:
        """Wait for another server, which has just made the container, to start it."""
        deadline = asyncio.get_running_loop().time() + STARTED_WITHIN
        while (document := await self.containers.named(id)) is not None:
            if not convert.is_ours(document, self.marks, id):
                return False
            if document["State"]["Status"] != "created":
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(LOOK_AGAIN)
        return False

    async def _furnish(self, container: str, image: ImageFacts, user: str, otp: str) -> None:
        """Put in what the agent needs: its password, a /tmp if the image has none, an account if its user has
        none.
        """
        if image.id not in self._has_tmp:
            self._has_tmp[image.id] = await self.engine.has_path(container, "/tmp")  # noqa: S108
        # Nobody but the agent is in the container before the agent has read it and removed it.
        secret = f"{convert.SECRET_DIR}/{convert.SECRET_FILE}"
        entries = [
            Entry(name=convert.SPOOL_DIR[1:], mode=0o1777),
            Entry(name=convert.SECRET_DIR, mode=0o777),
            Entry(name=secret, mode=0o444, content=otp.encode()),
        ]
        if not self._has_tmp[image.id]:
            entries.append(Entry(name="tmp", mode=0o1777))
        entries += await self._accounts(container, image, user)
        await self.engine.put_archive(container, "/", archive(entries))

    async def _accounts(self, container: str, image: ImageFacts, user: str) -> list[Entry]:
        """The image's lists of accounts with one for its user, as far as they lack it. Raises
        WorkerNotCreated if the user is root under another name where nobody may be root.
        """
        key = (image.id, user)
        if key not in self._lists:
            found = await accounts.read(self.engine, container)
            if self.config.require_non_root and found.uid_of(user) == 0:
                refusal = convert.why_not_as("0", self.config) or ""
                raise _is_root(f"{image.id} (as {user})", self.marks.provider, refusal)
            self._lists[key] = found.lacking(user)
        return self._lists[key]


def _is_root(image: str, provider: str, refusal: str) -> WorkerNotCreated:
    told = f"the image {image} is run as root, and provider {provider} {refusal}"
    return WorkerNotCreated(told, reason=Reason.IMAGE_START, final=True)


def _check_architecture(name: str, image: ImageFacts, facts: EngineFacts) -> None:
    if image.architecture and facts.architecture and image.architecture != facts.architecture:
        raise WorkerNotCreated(
            f"the image {name} is for {image.architecture}, the engine's machine is {facts.architecture}",
            reason=Reason.IMAGE_ARCHITECTURE,
            final=True,
        )
