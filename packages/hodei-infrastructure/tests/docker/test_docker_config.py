"""Settings of an engine, names of images, and what refusals mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hodei_domain.kernel.errors import InvalidInput
from hodei_infrastructure.docker import reference
from hodei_infrastructure.docker.config import DockerConfig, read_config
from hodei_infrastructure.docker.errors import EngineRefused, pull_refusal, start_refusal, unreachable


def test_a_row_without_settings_has_the_usual_ones() -> None:
    assert read_config({"installation": "x", "host": "y"}) == DockerConfig()


def test_what_a_row_says_is_taken() -> None:
    config = read_config(
        {"docker": {"socket_path": "/run/x.sock", "dns_servers": ["192.0.2.1"], "user": "7:8"}}
    )
    assert (config.socket_path, config.dns_servers, config.user) == (
        "unix:///run/x.sock",
        ("192.0.2.1",),
        "7:8",
    )


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"socket_path": "ssh://x"}, "docker.socket_path"),
        ({"socket_path": 5}, "docker.socket_path"),
        ({"default_image": "UPPER CASE"}, "docker.default_image"),
        ({"network_mode": "container:x"}, "docker.network_mode"),
        ({"dns_servers": ["example.test"]}, "docker.dns_servers"),
        ({"labels": {"hodei.installation": "x"}}, "docker.labels"),
        ({"user": "root"}, "docker.user"),
        ({"server": "no-port"}, "docker.server"),
        ({"server": "x:99999"}, "docker.server"),
        ({"pids_limit": 1}, "docker.pids_limit"),
        ({"colour": "red"}, "docker"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(told: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_config({"docker": told})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag"),
    [
        ("alpine", "docker.io", "alpine", ""),
        ("library/alpine:3.20", "docker.io", "library/alpine", "3.20"),
        ("localhost/x", "localhost", "x", ""),
        ("127.0.0.1:5000/a/b:c", "127.0.0.1:5000", "a/b", "c"),
        ("registry.example.test/x@sha256:" + "0" * 64, "registry.example.test", "x", ""),
    ],
)
def test_names_of_images_are_taken_apart(text: str, registry: str, repository: str, tag: str) -> None:
    found = reference.parse(text)
    assert found is not None
    assert (found.registry, found.repository, found.tag) == (registry, repository, tag)


@pytest.mark.parametrize(
    "text", ["", "A", "a b", "a:", "../etc", "a/../b", "a?x=1", "a@sha256:12", "-a", "a/", "x" * 300, "a\n"]
)
def test_what_is_no_name_of_an_image_is_none(text: str) -> None:
    assert reference.parse(text) is None


def test_a_name_without_a_tag_means_the_latest() -> None:
    assert reference.with_tag("h:1/x") == "h:1/x:latest"
    assert reference.with_tag("x:1") == "x:1"
    digest = "x@sha256:" + "0" * 64
    assert reference.with_tag(digest) == digest
    assert reference.short(digest) == "x@sha256:000000000000…"


@pytest.mark.parametrize(
    ("status", "message", "final", "reason"),
    [
        (404, "manifest for x:1 not found: manifest unknown", True, "image-pull"),
        (404, "pull access denied for x, repository does not exist", True, "image-pull"),
        (500, "Head https://r/v2/x: unauthorized: authentication required", True, "image-pull"),
        (400, "invalid reference format", True, "image-pull"),
        (0, "no matching manifest for linux/amd64 in the manifest list entries", True, "image-architecture"),
        (500, "Get https://r/v2/: dial tcp: lookup r: no such host", False, "image-pull"),
        (500, "Get https://r/v2/: net/http: request canceled (Client.Timeout exceeded)", False, "image-pull"),
        (500, "received unexpected HTTP status: 503 Service Unavailable", False, "image-pull"),
        (0, "write /var/lib/docker/tmp/x: no space left on device", False, "image-pull"),
        (500, "toomanyrequests: You have reached your pull rate limit", False, "image-pull"),
        (500, "something nobody has heard of", False, "image-pull"),
    ],
)
def test_what_a_failed_pull_means(status: int, message: str, final: bool, reason: str) -> None:
    error = pull_refusal("x:1", EngineRefused(status, message))
    assert (error.final, error.reason) == (final, reason)
    assert message in error.message


@pytest.mark.parametrize(
    ("message", "final", "reason"),
    [
        ("OCI runtime create failed: exec format error", True, "image-architecture"),
        ("unable to find user x: no matching entries in passwd file", True, "image-start"),
        ("mkdir /var/lib/docker/overlay2: no space left on device", False, "image-start"),
        ("fork/exec runc: resource temporarily unavailable", False, "image-start"),
        ("failed to update store for object type *libnetwork.endpoint: open : no", False, "image-start"),
        ("cannot start in a daemon that shuts down", False, "image-start"),
    ],
)
def test_what_a_failed_start_means(message: str, final: bool, reason: str) -> None:
    error = start_refusal("x:1", EngineRefused(400, message))
    assert (error.final, error.reason) == (final, reason)


def test_why_nothing_answers_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "x.sock"
    assert f"{there} does not exist; start Docker" in unreachable(f"unix://{there}").message
    there.touch()
    assert "does not answer (boo); start it" in unreachable(f"unix://{there}", "boo").message
    assert "DOCKER_HOST names it" in unreachable("tcp://127.0.0.1:1", "boo").message
    monkeypatch.setattr("os.access", lambda *_: False)  # root may do everything
    assert "usermod -aG docker USER" in unreachable(f"unix://{there}").message
