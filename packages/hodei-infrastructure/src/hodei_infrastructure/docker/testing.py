"""Fixtures that give tests a real Docker engine, and images that they make themselves. Import those you use
into a `conftest.py`. Where no engine answers the tests are skipped with the reason, or fail if HODEI_REQUIRE
contains `docker`.
"""

from __future__ import annotations

import io
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.workers.spec import WorkerSpec

from hodei_infrastructure.docker.archive import Entry, archive
from hodei_infrastructure.docker.config import DockerConfig
from hodei_infrastructure.docker.convert import Marks, container_name
from hodei_infrastructure.docker.credentials import Credentials
from hodei_infrastructure.docker.engine import Engine
from hodei_infrastructure.docker.errors import EngineRefused
from hodei_infrastructure.docker.provider import DockerProvider

BUSYBOX = "hodei-test/busybox:1"
SOCKET = "/var/run/docker.sock"
NO_GRACE = timedelta(0)

MakeImage = Callable[..., Awaitable[str]]
MakeProvider = Callable[..., DockerProvider]


def _why_none() -> str:
    """Why no Docker engine can be used here; "" if one can."""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            probe.connect(SOCKET)
    except OSError as error:
        return f"no Docker engine: {SOCKET}: {error.strerror}"
    return ""


@pytest.fixture(scope="session")
def socket_path() -> str:
    """The socket of an engine. Without one tests are skipped, or fail if HODEI_REQUIRE names docker."""
    why = _why_none()
    if why and "docker" in os.environ.get("HODEI_REQUIRE", "").split(","):
        pytest.fail(f"HODEI_REQUIRE names docker, and there is {why}")
    if why:
        pytest.skip(why)
    return SOCKET


@pytest.fixture
async def engine(socket_path: str) -> AsyncIterator[Engine]:
    """The engine itself, to look at what a provider made."""
    engine = Engine(f"unix://{socket_path}")
    yield engine
    await engine.close()


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the agent, once packed, is kept for all tests."""
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture
async def make_image(engine: Engine) -> AsyncIterator[MakeImage]:
    """Makes an image of its own for a test, of one file, and removes it afterwards. Takes what the image says
    of itself: User, Entrypoint …
    """
    made: list[str] = []

    async def make(*, architecture: str = "amd64", **config: Any) -> str:
        name = f"hodei-made/{uuid4().hex}:1"
        made.append(name)
        content = io.BytesIO(saved_image(name, architecture, config))
        async with engine._call("POST", "images/load", {"quiet": "1"}, content) as response:
            await response.read()
        return name

    yield make
    for name in made:
        with suppress(EngineRefused):
            await engine.delete(f"images/{name}", force="1")


def saved_image(name: str, architecture: str, config: dict[str, Any]) -> bytes:
    """An image as `docker save` writes it."""
    layer = archive([Entry(name="made", mode=0o644, content=name.encode())])
    about = {
        "architecture": architecture,
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    files = {
        "layer.tar": layer,
        "config.json": json.dumps(about).encode(),
        "manifest.json": json.dumps(manifest).encode(),
    }
    return archive(Entry(name=path, mode=0o644, content=content) for path, content in files.items())


@pytest.fixture
async def make_provider(
    socket_path: str, bundles: Path, tmp_path: Path, engine: Engine
) -> AsyncIterator[MakeProvider]:
    """Providers of one installation. Their workers are removed in the end; nothing answers these."""
    installation = uuid4().hex
    made: list[DockerProvider] = []

    def make(installation: str = installation, **config: Any) -> DockerProvider:
        told = {"socket_path": socket_path, "default_image": BUSYBOX, "server": "127.0.0.1:9"}
        provider = DockerProvider(
            DockerConfig(**(told | config)),
            Marks(installation=installation, provider="docker"),
            bundles,
            "127.0.0.1:9",
            credentials=Credentials(tmp_path / "no-config.json"),
        )
        made.append(provider)
        return provider

    yield make
    for provider in made:
        if provider.address == f"unix://{socket_path}":
            for found in await provider.list_workers():
                await provider.destroy_worker(found.worker_id, NO_GRACE)
        await provider.close()


def a_spec(image: str = BUSYBOX, **demand: Any) -> WorkerSpec:
    """A worker in that image."""
    return WorkerSpec(
        worker_id=WorkerId(uuid4()),
        provider_id=ProviderId(uuid4()),
        demand=DemandClass(image=image, **demand),
        server_address="127.0.0.1:9",
        otp_ttl=timedelta(seconds=300),
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )


async def inspect(engine: Engine, worker: WorkerSpec) -> dict[str, Any]:
    """What the engine says of a worker's container."""
    document: dict[str, Any] = await engine.get(f"containers/{container_name(worker.worker_id)}/json")
    return document
