"""How workers in containers find the server."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

import pytest
from attrs import evolve
from hodei_domain.providers.errors import ProviderUnavailable
from hodei_infrastructure.docker.config import DockerConfig
from hodei_infrastructure.docker.engine import Engine
from hodei_infrastructure.docker.errors import EngineRefused
from hodei_infrastructure.docker.facts import engine_facts
from hodei_infrastructure.docker.reaching import OpenDoor, Reaching, no_door

MAIN = "127.0.0.1:50051"
# One of many, so that a network that a killed run left behind is not in the way.
_PART = f"172.31.{secrets.randbelow(250) + 1}"
SUBNET, GATEWAY = f"{_PART}.0/24", f"{_PART}.7"
PLAIN = engine_facts({"OperatingSystem": "Debian", "Name": "salima"})
DESKTOP = evolve(PLAIN, operating_system="Docker Desktop")


async def a_door(host: str) -> str | None:
    return f"{host}:50051"


def reaching(engine: Engine, door: OpenDoor = a_door, advertised: str = "", **config: str) -> Reaching:
    made = DockerConfig(**config)  # type: ignore[arg-type]  # texts alone
    return Reaching(engine, made, MAIN, door, advertised)


@pytest.fixture
async def network(engine: Engine) -> AsyncIterator[str]:
    """A network of the test's own."""
    name = f"hodei-made-{uuid4().hex[:8]}"
    pool = {"Subnet": SUBNET, "Gateway": GATEWAY}
    await engine.post("networks/create", {"Name": name, "IPAM": {"Config": [pool]}})
    yield name
    with suppress(EngineRefused):
        await engine.delete(f"networks/{name}")


async def test_by_the_gateway_of_their_network(engine: Engine, network: str) -> None:
    assert await reaching(engine, network_mode=network).address(PLAIN) == f"{GATEWAY}:50051"


async def test_by_what_the_operator_says_before_everything(engine: Engine) -> None:
    told = reaching(engine, no_door, server="hodei.example.test:7")
    assert await told.address(DESKTOP) == "hodei.example.test:7"


async def test_on_the_host_s_network_as_its_processes_do(engine: Engine) -> None:
    assert await reaching(engine, no_door, network_mode="host").address(PLAIN) == MAIN


async def test_on_a_desktop_by_the_name_of_its_host(engine: Engine) -> None:
    assert await reaching(engine).address(DESKTOP) == "host.docker.internal:50051"


async def test_a_gateway_that_is_not_ours_is_named_with_what_to_set(engine: Engine, network: str) -> None:
    with pytest.raises(ProviderUnavailable, match=re.escape(GATEWAY) + ".*HODEI_DOCKER_SERVER=host:port"):
        await reaching(engine, no_door, network_mode=network).address(PLAIN)


async def test_an_engine_elsewhere_needs_to_be_told(engine: Engine) -> None:
    with pytest.raises(ProviderUnavailable, match=r"on another machine.*HODEI_DOCKER_SERVER"):
        await reaching(engine, socket_path="tcp://192.0.2.1:2375").address(PLAIN)


async def test_a_network_that_is_not_there_is_named(engine: Engine) -> None:
    with pytest.raises(ProviderUnavailable, match="no network nowhere; HODEI_DOCKER_NETWORK"):
        await reaching(engine, network_mode="nowhere").address(PLAIN)


async def test_by_the_doors_of_all_servers_of_the_machine(engine: Engine, network: str) -> None:
    told = reaching(engine, advertised="127.0.0.1:50051,localhost:50052,[::1]:50053", network_mode=network)
    assert await told.address(PLAIN) == f"{GATEWAY}:50051,{GATEWAY}:50052,{GATEWAY}:50053"


async def test_by_the_addresses_of_servers_on_other_machines(engine: Engine, network: str) -> None:
    made = DockerConfig(network_mode=network)
    told = Reaching(engine, made, "10.0.0.1:50051", a_door, "10.0.0.1:50051,10.0.0.2:50051")
    assert await told.address(PLAIN) == f"{GATEWAY}:50051,10.0.0.2:50051"


async def test_a_door_with_a_port_of_its_own_stands_for_its_server(engine: Engine, network: str) -> None:
    async def elsewhere(host: str) -> str | None:
        return f"{host}:40000"

    told = reaching(engine, elsewhere, "127.0.0.1:50051,127.0.0.1:50052", network_mode=network)
    assert await told.address(PLAIN) == f"{GATEWAY}:40000,{GATEWAY}:50052"


async def test_on_the_host_s_network_all_servers_are_dialled(engine: Engine) -> None:
    told = reaching(engine, no_door, f"{MAIN},127.0.0.1:50052", network_mode="host")
    assert await told.address(PLAIN) == f"{MAIN},127.0.0.1:50052"


async def test_on_a_desktop_all_servers_are_dialled(engine: Engine) -> None:
    told = reaching(engine, advertised=f"{MAIN},127.0.0.1:50052,10.0.0.2:50051")
    assert await told.address(DESKTOP) == (
        "host.docker.internal:50051,host.docker.internal:50052,10.0.0.2:50051"
    )
