"""The providers that a server brings along: their adapters, and the rows that stand for them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from platform import node
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field
from hodei_domain.kernel.errors import HodeiError, InvalidInput
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.provider import Provider, ProviderType

from hodei_infrastructure import system
from hodei_infrastructure.docker.config import DockerConfig, read_config
from hodei_infrastructure.docker.errors import UNIX
from hodei_infrastructure.docker.reaching import OpenDoor
from hodei_infrastructure.elsewhere import DEFAULT_IMAGE, Elsewhere
from hodei_infrastructure.settings import Settings

if TYPE_CHECKING:
    from hodei_application.control_plane import ControlPlane
    from hodei_domain.kernel.ids import ProviderId
    from hodei_domain.providers.plugin import ProviderPlugin

    from hodei_infrastructure.docker.provider import DockerProvider
    from hodei_infrastructure.process.provider import ProcessProvider

log = logging.getLogger("hodei.server")

PROCESS, DOCKER = "process", "docker"
WORKERS_PER_CORE = 4  # most jobs wait for something most of the time
FEWEST_WORKERS = 4
ANSWERS_WITHIN = 2.0
"""Seconds in which an engine that nobody asked for must say that it is there."""


@define(eq=False, kw_only=True)
class Providers:
    """The adapters of one server. `installation` tells its data directory from all others."""

    settings: Settings
    installation: str
    server_address: str
    open_door: OpenDoor
    _processes: ProcessProvider = field(init=False)
    _dockers: dict[ProviderId, tuple[DockerConfig, DockerProvider]] = field(factory=dict, init=False)
    _replaced: list[DockerProvider] = field(factory=list, init=False)
    _control: ControlPlane | None = field(default=None, init=False)
    _updates: set[asyncio.Task[Any]] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        from hodei_infrastructure.machine import look_at_machine
        from hodei_infrastructure.process.provider import ProcessProvider

        directory = self.settings.data_dir
        self._processes = ProcessProvider(directory / "workers", look_at_machine(directory), system.now)

    async def close(self) -> None:
        """Stop watching. Workers go on."""
        for task in self._updates:
            task.cancel()
        await self._processes.close()
        for docker in [*self._replaced, *(docker for _, docker in self._dockers.values())]:
            await docker.close()

    # --- adapters ---

    def plugin(self, provider: Provider) -> ProviderPlugin:
        """The adapter for a provider's row. Raises InvalidInput, also for what no release of ours has.

        What another machine has cannot be reached from here: asked about its workers we would say that they
        are gone.
        """
        only_checked(provider)
        owner = provider.config.get("installation")
        if owner not in (None, self.installation):
            return Elsewhere(provider).plugin()
        if provider.type is ProviderType.BARE_METAL:
            return self._processes.plugin(provider.name)
        if owner is None and self.settings.docker_enabled is False:
            return Elsewhere(provider).plugin()  # others may serve it; our own we clean up at least
        return self._docker(provider).plugin()

    @asynccontextmanager
    async def trial(self, provider: Provider) -> AsyncIterator[ProviderPlugin | None]:
        """See Trial."""
        if provider.type is not ProviderType.DOCKER:
            yield None
            return
        docker = self._make_docker(provider, read_config(provider.config), keep=False)
        try:
            with suppress(HodeiError):  # its health says why
                await docker.look()
            yield docker.plugin()
        finally:
            await docker.close()

    def _docker(self, provider: Provider) -> DockerProvider:
        """The adapter for a row, made anew when its configuration changed."""
        config = self._config(provider)
        made = self._dockers.get(provider.id)
        if made is not None and made[0] == config and made[1].name == provider.name:
            return made[1]
        if made is not None:
            self._replaced.append(made[1])
        docker = self._make_docker(provider, config)
        self._dockers[provider.id] = config, docker
        docker.start()
        return docker

    def _make_docker(self, provider: Provider, config: DockerConfig, *, keep: bool = True) -> DockerProvider:
        from hodei_infrastructure.docker.convert import Marks
        from hodei_infrastructure.docker.provider import DockerProvider

        # The workers of a row that an operator made are known by it: it outlives this data directory.
        owner = provider.config.get("installation") or str(provider.id)
        return DockerProvider(
            config,
            Marks(installation=str(owner), provider=provider.name),
            self.settings.data_dir / "agent-bundles",
            self.server_address,
            self.open_door,
            self.settings.server_advertise,
            on_change=lambda capabilities: self._keep(provider.id, capabilities) if keep else None,
        )

    def _config(self, provider: Provider) -> DockerConfig:
        """What the row says, and for this server's own engine the environment where it says something."""
        config = read_config(provider.config)
        return self._told(config) if provider.config.get("installation") else config

    def _told(self, config: DockerConfig) -> DockerConfig:
        usual, settings = DockerConfig(), self.settings
        told: dict[str, Any] = {
            "socket_path": settings.docker_host,
            "default_image": settings.worker_image,
            "network_mode": settings.docker_network,
            "server": settings.docker_server,
            "user": settings.docker_user,
            "require_non_root": settings.docker_require_non_root,
        }
        return evolve(config, **{k: value for k, value in told.items() if value != getattr(usual, k)})

    def _keep(self, provider_id: ProviderId, capabilities: Capabilities) -> None:
        """The engine is not what its row says any more, as after a restart of its machine."""
        if self._control is None:
            return
        known = self._with_default_image(capabilities)
        update = self._control.update_provider(provider_id, {"capabilities": known})
        task = asyncio.create_task(_quietly(update), name="capabilities of a provider")
        self._updates.add(task)
        task.add_done_callback(self._updates.discard)

    def _with_default_image(self, capabilities: Capabilities) -> Capabilities:
        """The servers of other machines must know whether jobs without an image can run here."""
        image = self.settings.worker_image
        if not image:
            return capabilities
        return evolve(capabilities, labels={**capabilities.labels, DEFAULT_IMAGE: image})

    # --- rows ---

    async def register(self, control: ControlPlane) -> None:
        """Rows for the providers that this machine brings along: the same row, with the same id, at each
        start.
        """
        for variable in self.settings.without_effect:
            log.warning("%s has no effect: this release has no such provider", variable)
        if self.settings.process_enabled:
            capabilities, most = self._processes.capabilities, self.settings.process_max_workers
            await self._ensure(control, PROCESS, ProviderType.BARE_METAL, capabilities, most)
        if self.settings.docker_enabled is not False:
            await self._register_docker(control)
        for type in (ProviderType.BARE_METAL, ProviderType.DOCKER):
            await self._switch(control, type)
        self._control = control

    async def _switch(self, control: ControlPlane, type: ProviderType) -> None:
        """Have the row say, for all servers, which setting of ours keeps it out of use; "" if none does."""
        provider = await self._present(control, type)
        if provider is None:
            return
        setting = self.settings.switched_off(type)
        if setting:
            log.warning("Provider %s gets no jobs: it is switched off by %s", provider.name, setting)
        await control.update_provider(provider.id, {"switched_off": setting})

    async def _register_docker(self, control: ControlPlane) -> None:
        capabilities = await self._ask_docker()
        if capabilities is None and not self.settings.docker_enabled:
            return
        known = capabilities or Capabilities(images=True, labels={"hodei.provider": DOCKER})
        most = self.settings.docker_max_workers
        await self._ensure(control, DOCKER, ProviderType.DOCKER, self._with_default_image(known), most)
        if capabilities is not None:
            log.info("Docker provider initialized: %s", self.settings.docker_host)

    async def _ask_docker(self) -> Capabilities | None:
        """What the engine can, None if it does not answer. Without a socket not even its client is loaded."""
        address = self.settings.docker_host
        say = log.warning if self.settings.docker_enabled else log.debug
        if not _may_answer(address):
            say("Docker is not used: there is no %s", address.removeprefix(UNIX))
            return None
        from hodei_infrastructure.docker.convert import to_capabilities
        from hodei_infrastructure.docker.engine import Engine
        from hodei_infrastructure.docker.facts import engine_facts

        engine = Engine(address)
        try:
            return to_capabilities(engine_facts(await engine.get("info", within=ANSWERS_WITHIN)))
        except HodeiError as error:
            say = log.warning if self.settings.docker_enabled else log.info
            say("Docker is not used: %s", error.message)
            return None
        finally:
            await engine.close()

    async def _ensure(
        self,
        control: ControlPlane,
        name: str,
        type: ProviderType,
        capabilities: Capabilities,
        most: int | None,
    ) -> None:
        """This machine's row of that type, brought up to date. The first machine's has just this name; others
        add where they are.
        """
        from hodei_application.providers.register_provider import NewProvider

        ours = {"installation": self.installation, "host": node()}
        provider = await self._present(control, type)
        cores = capabilities.max_resources.cpu_cores
        for free in () if provider is not None else (name, *_further_names(name, self.installation)):
            provider = await control.ensure_provider(
                NewProvider(
                    name=free,
                    type=type,
                    config=ours,
                    max_workers=most or max(FEWEST_WORKERS, round(WORKERS_PER_CORE * cores)),
                    capabilities=capabilities,
                )
            )
            if self._is_ours(provider, type):
                break
        if provider is None or not self._is_ours(provider, type):
            log.warning("No workers are made on this machine: all names for its %s provider are taken", name)
            return
        # What an operator set stays; what the machine or the environment says may have changed since the
        # last start.
        said: dict[str, Any] = {"config": {**provider.config, **ours}} | (
            {"max_workers": most} if most else {}
        )
        if capabilities != provider.capabilities:
            said["capabilities"] = capabilities
        said |= self._placement()
        await control.update_provider(provider.id, said)

    def _placement(self) -> dict[str, Any]:
        """What the environment says of where this machine is and what it costs."""
        told = self.settings
        said: dict[str, Any] = {
            "region": told.provider_region or None,
            "labels": told.provider_labels,
            "cost_per_hour": told.provider_cost,
        }
        return {name: value for name, value in said.items() if value is not None}

    async def _present(self, control: ControlPlane, type: ProviderType) -> Provider | None:
        """This machine's row of that type, whatever its name is by now."""
        views = await control.list_providers(type=type)
        return next((v.provider for v in views if self._is_ours(v.provider, type)), None)

    def _is_ours(self, provider: Provider, type: ProviderType) -> bool:
        return provider.type is type and provider.config.get("installation") == self.installation


def _further_names(name: str, installation: str) -> tuple[str, str]:
    """For machines that are not the first, and for a second server on one of them with its own data."""
    return f"{name}-{node()}", f"{name}-{node()}-{installation[:8]}"


def only_checked(provider: Provider) -> None:
    """For a server without workers: no adapter, but what none could take is refused. Raises InvalidInput."""
    if provider.type is ProviderType.DOCKER:
        read_config(provider.config)
    elif provider.type is not ProviderType.BARE_METAL:
        raise InvalidInput(
            f"there is no driver for {provider.type} in this release; DOCKER can be registered, and another "
            "kind comes with a plug-in (docs/how-to/write-a-provider.md)",
            field="type",
        )
    elif "installation" not in provider.config:
        raise InvalidInput(
            "processes of a machine (BARE_METAL) come with the server that runs there: start one with "
            "`hodei up`; DOCKER can be registered",
            field="type",
        )


def _may_answer(address: str) -> bool:
    return not address.startswith(UNIX) or os.path.exists(address.removeprefix(UNIX))


async def _quietly(update: Any) -> None:
    try:
        await update
    except HodeiError as error:  # the next change, or the next start, brings it
        log.debug("Capabilities were not kept: %s", error.message)
