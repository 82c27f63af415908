"""How workers in containers reach the server: by which address, and that it listens there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from attrs import define
from hodei_domain.providers.errors import ProviderUnavailable

from hodei_infrastructure.docker.config import DockerConfig
from hodei_infrastructure.docker.convert import gateway_of
from hodei_infrastructure.docker.engine import Engine
from hodei_infrastructure.docker.errors import UNIX
from hodei_infrastructure.docker.facts import EngineFacts

OpenDoor = Callable[[str], Awaitable[str | None]]
"""Listens for workers at an address of this machine, once; host:port, None if the address is another's."""


async def no_door(_: str) -> None:
    """For a server that listens for workers nowhere else."""


@define(eq=False)
class Reaching:
    """Finds the address for each worker anew: networks are removed and made again. `main` is host:port of
    the server itself.
    """

    _engine: Engine
    _config: DockerConfig
    _main: str
    _open_door: OpenDoor

    async def address(self, engine: EngineFacts) -> str:
        """host:port for a worker to dial. Raises ProviderUnavailable if there is no way."""
        network = self._config.network_mode
        if self._config.server:
            return self._config.server
        if network == "host":
            return self._main
        if engine.is_desktop:  # its gateway may have the address of another network of ours
            return f"host.docker.internal:{self._main.rpartition(':')[2]}"
        if not _is_here(self._config.socket_path):
            raise _unreachable("it is on another machine")
        gateway = await self._gateway(network)
        if gateway is None:
            raise _unreachable(f"its network {network} has no gateway")
        door = await self._open_door(gateway)
        if door is None:
            raise _unreachable(
                f"{gateway}, the gateway of its network {network}, is no address of this machine"
            )
        return door

    async def _gateway(self, network: str) -> str | None:
        document = await self._engine.find(f"networks/{network}")
        if document is None:
            raise ProviderUnavailable(
                f"the engine has no network {network}; HODEI_DOCKER_NETWORK names it "
                f"(docker network create {network})"
            )
        return gateway_of(document)


def _is_here(address: str) -> bool:
    return address.startswith(UNIX) or urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1")


def _unreachable(why: str) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"workers of this engine cannot reach the server: {why}; "
        "HODEI_DOCKER_SERVER=host:port says where they can"
    )
