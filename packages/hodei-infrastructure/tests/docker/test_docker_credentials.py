"""Credentials for registries, out of Docker's own configuration file."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hodei_infrastructure.docker.credentials import Credentials, default_file
from hodei_infrastructure.docker.reference import Reference

R = Reference("registry.example.test", "x", "", "")
HUB = Reference("docker.io", "x", "", "")
PAIR = base64.b64encode(b"ana:hunter2").decode()


async def told(path: Path, config: Any, reference: Reference = R) -> dict[str, str]:
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    header = await Credentials(path).header(reference)
    if not header:
        return {}
    found: dict[str, str] = json.loads(base64.urlsafe_b64decode(header["X-Registry-Auth"]))
    return found


def helper(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


async def test_a_pair_is_read_for_its_registry_alone(tmp_path: Path) -> None:
    config = {"auths": {R.registry: {"auth": PAIR}, "other": {"auth": "!"}}}
    found = await told(tmp_path / "c", config)
    assert found == {"username": "ana", "password": "hunter2", "serveraddress": R.registry}
    assert await told(tmp_path / "c", config, HUB) == {}


async def test_the_hub_has_its_own_old_name(tmp_path: Path) -> None:
    found = await told(tmp_path / "c", {"auths": {"https://index.docker.io/v1/": {"auth": PAIR}}}, HUB)
    assert found["username"] == "ana"


async def test_a_token_goes_before_a_pair(tmp_path: Path) -> None:
    found = await told(tmp_path / "c", {"auths": {R.registry: {"auth": PAIR, "identitytoken": "t"}}})
    assert found["identitytoken"] == "t"
    assert "password" not in found


@pytest.mark.parametrize(
    "config", [{"credsStore": "x"}, {"credHelpers": {R.registry: "x"}, "credsStore": "y"}]
)
async def test_a_helper_is_asked_for_the_registry(
    config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = 'read r; echo "{\\"Username\\": \\"$1-$r\\", \\"Secret\\": \\"s\\"}"'
    helper(tmp_path, "x", answer, monkeypatch)
    found = await told(tmp_path / "c", config)
    assert (found["username"], found["password"]) == (f"get-{R.registry}", "s")


async def test_a_helper_may_give_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(tmp_path, "x", """echo '{"Username": "<token>", "Secret": "s"}'""", monkeypatch)
    assert (await told(tmp_path / "c", {"credsStore": "x"}))["identitytoken"] == "s"


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "echo '{}'"])
async def test_without_an_answer_there_are_no_credentials(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(tmp_path, "x", script, monkeypatch)
    assert await told(tmp_path / "c", {"credsStore": "x"}) == {}


@pytest.mark.parametrize(
    "config",
    [
        "{",
        {"credsStore": "../../bin/sh"},
        {"credsStore": "none"},
        {"auths": {R.registry: {"auth": "hunter2!"}}},
    ],
)
async def test_what_cannot_be_used_is_said_without_what_it_says(
    config: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with caplog.at_level(logging.WARNING):
        assert await told(tmp_path / "c", config) == {}
    assert len(caplog.records) == 1
    assert "hunter2" not in caplog.text


async def test_without_a_file_there_are_no_credentials(tmp_path: Path) -> None:
    assert await Credentials(tmp_path / "none").header(R) == {}


def test_the_file_is_docker_s_own() -> None:
    assert default_file({"HOME": "/home/a"}) == Path("/home/a/.docker/config.json")
    assert default_file({"HOME": "/home/a", "DOCKER_CONFIG": "/x"}) == Path("/x/config.json")
