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

DESKTOP_HOST = "host.docker.internal"
LOOPBACK = ("localhost", "127.0.0.1", "::1")

OpenDoor = Callable[[str], Awaitable[str | None]]
"""Listens for workers at an address of this machine, once; host:port, None if the address is another's."""


async def no_door(_: str) -> None:
    """For a server that listens for workers nowhere else."""


@define(eq=False)
class Reaching:
    """Finds the addresses for each worker anew: networks are removed and made again. `main` is host:port of
    the server itself; `advertised` are all servers as processes of this machine dial them, "" for this one.
    """

    _engine: Engine
    _config: DockerConfig
    _main: str
    _open_door: OpenDoor
    _advertised: str = ""

    async def address(self, engine: EngineFacts) -> str:
        """host:port for a worker to dial, or several with commas. Raises ProviderUnavailable if there is no
        way.
        """
        network = self._config.network_mode
        if self._config.server:
            return self._config.server
        if network == "host":
            return self._advertised or self._main
        if engine.is_desktop:  # its gateway may have the address of another network of ours
            return self._all_servers(f"{DESKTOP_HOST}:{_port(self._main)}")
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
        return self._all_servers(door)

    def _all_servers(self, door: str) -> str:
        """Our door, and how a container reaches the other servers. Those on loopback are behind the same
        host: with the same number each, as long as it was free there.
        """
        host = door.rpartition(":")[0]
        listed = [door]
        for each in self._advertised.split(",") if self._advertised else ():
            loopback = _is_loopback(each)
            if each == self._main or (loopback and _port(each) == _port(self._main)):
                continue
            listed.append(f"{host}:{_port(each)}" if loopback else each)
        return ",".join(dict.fromkeys(listed))

    async def _gateway(self, network: str) -> str | None:
        document = await self._engine.find(f"networks/{network}")
        if document is None:
            raise ProviderUnavailable(
                f"the engine has no network {network}; HODEI_DOCKER_NETWORK names it "
                f"(docker network create {network})"
            )
        return gateway_of(document)


def _is_here(address: str) -> bool:
    return address.startswith(UNIX) or urlsplit(address).hostname in LOOPBACK


def _is_loopback(address: str) -> bool:
    return urlsplit(f"//{address}").hostname in LOOPBACK


def _port(address: str) -> str:
    return address.rpartition(":")[2]


def _unreachable(why: str) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"workers of this engine cannot reach the server: {why}; "
        "HODEI_DOCKER_SERVER=host:port says where they can"
    )
