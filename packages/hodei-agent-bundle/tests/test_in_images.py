"""The real agent in images that have nothing it could use."""

from __future__ import annotations

import pytest
from hodei_agent_bundle.testing import BUSYBOX, DISTROLESS, STRICT, AgentVolume

IMAGES = pytest.mark.parametrize("image", [BUSYBOX, DISTROLESS])


@IMAGES
def test_it_starts_with_nothing_writable_and_no_privilege(agent_volume: AgentVolume, image: str) -> None:
    assert agent_volume.agent(image, *STRICT, arguments=["--version"]) == (0, "hodei-worker 0.1.0\n", "")


@IMAGES
def test_it_tells_how_it_is_used(agent_volume: AgentVolume, image: str) -> None:
    code, out, err = agent_volume.agent(image, *STRICT, arguments=["--help"])
    assert (code, err) == (0, "")
    assert "HODEI_WORKER_IN_IMAGE" in out


@IMAGES
def test_it_says_what_settings_are_missing(agent_volume: AgentVolume, image: str) -> None:
    code, out, err = agent_volume.agent(image, *STRICT)
    assert (code, out) == (64, "")
    assert err.splitlines() == [
        "hodei-worker: HODEI_OTP_TOKEN or HODEI_OTP_FILE is needed to register",
        "hodei-worker: HODEI_WORKER_DIR is needed: no temporary directory here can be written to",
    ]


@IMAGES
def test_a_server_that_is_not_there_is_no_traceback(agent_volume: AgentVolume, image: str) -> None:
    settings = ("--env", "HODEI_OTP_TOKEN=x", "--env", "HODEI_WORKER_DIR=/w", "--tmpfs", "/w:mode=1777")
    code, _, err = agent_volume.agent(image, *STRICT, *settings, "--env", "HODEI_SERVER=ftp://elsewhere")
    assert code == 64
    assert err == "hodei-worker: HODEI_SERVER='ftp://elsewhere': only http:// is spoken (clear-text HTTP/2)\n"


def test_a_python_of_the_images_own_does_not_matter(agent_volume: AgentVolume) -> None:
    engine = agent_volume.engine
    image = "hodei-test/python:3.11"
    if engine.call("image", "inspect", image).returncode:
        pytest.skip(f"the engine has no image {image}")
    disturbing = (
        *("--env", "LD_LIBRARY_PATH=/usr/lib", "--env", "PYTHONHOME=/nowhere"),
        *("--env", "PYTHONPATH=/nowhere", "--env", "PYTHONSTARTUP=/nowhere"),
    )
    assert agent_volume.agent(image, *disturbing, arguments=["--version"])[:2] == (0, "hodei-worker 0.1.0\n")
