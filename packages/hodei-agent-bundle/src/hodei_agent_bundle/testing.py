"""Fixtures for tests that start the agent in real containers: import them into a conftest.

Without an engine or an image such tests are skipped with the reason, or fail if HODEI_REQUIRE has `docker`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hodei_agent_bundle.bundle import Bundle, host_architecture
from hodei_agent_bundle.finding import find_bundle

MOUNT = "/hodei"
BUSYBOX = "hodei-test/busybox:1"
DISTROLESS = "hodei-test/distroless:1"
PATIENCE_SECONDS = 60.0
# What a job's container is held to: nothing written, no privilege, nobody's user.
STRICT = (
    *("--read-only", "--user", "12345", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--network", "none"),
)


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine's command line."""

    program: str

    def call(self, *arguments: str, stdin: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, whatever that is."""
        return subprocess.run(
            [self.program, *arguments],
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def must(self, *arguments: str, stdin: int | None = None) -> str:
        """Run one command that has to succeed; what it wrote."""
        done = self.call(*arguments, stdin=stdin)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout


@dataclass(frozen=True, slots=True)
class AgentVolume:
    """A volume that holds the bundle, and how the agent is started from it."""

    engine: Engine
    name: str
    bundle: Bundle

    def command(self, image: str, *options: str, arguments: Sequence[str] = ()) -> tuple[str, ...]:
        """Arguments of `docker run` that start the agent in an image."""
        loader, *rest = self.bundle.command(MOUNT)
        mount = f"type=volume,source={self.name},target={MOUNT},readonly"
        given = ("run", "--mount", mount, *options, "--entrypoint", loader)
        return (*given, image, *rest, *arguments)

    def agent(self, image: str, *options: str, arguments: Sequence[str] = ()) -> tuple[int, str, str]:
        """Run the agent to its end; exit code, stdout and stderr."""
        done = self.engine.call(*self.command(image, "--rm", *options, arguments=arguments))
        return done.returncode, done.stdout, done.stderr


def missing(reason: str) -> None:
    """Skip with the reason, or fail where HODEI_REQUIRE says that this machine has Docker."""
    if "docker" in os.environ.get("HODEI_REQUIRE", "").split(","):
        pytest.fail(f"HODEI_REQUIRE names docker, and {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def docker_engine() -> Engine:
    """The engine of this machine with the images that the tests use."""
    program = shutil.which("docker")
    if program is None:
        missing("there is no docker on PATH")
    engine = Engine(str(program))
    if engine.call("version").returncode:
        missing("no Docker engine answers")
    for image in (BUSYBOX, DISTROLESS):
        if engine.call("image", "inspect", image).returncode:
            missing(f"the engine has no image {image}")
    return engine


@pytest.fixture(scope="session")
def agent_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The bundle of the installed agent."""
    return find_bundle(host_architecture(), tmp_path_factory.mktemp("bundles"))


def unpack(bundle: Bundle, directory: Path) -> Path:
    """Unpack the archive into a new directory below `directory`, as a volume would have it."""
    mount = directory / "mount"
    mount.mkdir()
    subprocess.run(["tar", "-xf", bundle.archive, "-C", mount], check=True, timeout=PATIENCE_SECONDS)
    return mount


@pytest.fixture(scope="session")
def agent_volume(docker_engine: Engine, agent_bundle: Bundle) -> Iterator[AgentVolume]:
    """A volume of the tests' own, filled from the archive."""
    name = f"hodei-test-{secrets.token_hex(6)}"
    docker_engine.must("volume", "create", name)
    try:
        docker_engine.must("create", "--name", name, "--volume", f"{name}:{MOUNT}", BUSYBOX, "true")
        try:
            with agent_bundle.archive.open("rb") as archive:
                docker_engine.must("cp", "-", f"{name}:{MOUNT}", stdin=archive.fileno())
        finally:
            docker_engine.must("rm", name)
        yield AgentVolume(docker_engine, name, agent_bundle)
    finally:
        docker_engine.must("volume", "rm", name)
