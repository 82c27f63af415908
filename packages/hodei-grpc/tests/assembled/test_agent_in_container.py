"""A whole control plane, and an agent that is a bundle in a container of another image."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hodei_agent_bundle.testing import (  # noqa: F401  (fixtures)
    DISTROLESS,
    AgentVolume,
    agent_bundle,
    agent_volume,
    docker_engine,
)

pytestmark = [pytest.mark.postgres, pytest.mark.e2e]


@pytest.fixture
async def contained(quiet: Any, agent_volume: AgentVolume) -> AsyncIterator[Any]:  # noqa: F811
    """The control plane with one worker, which nothing but its scratch directory lets write."""
    async with AsyncExitStack() as stack:
        name = f"hodei-test-{secrets.token_hex(6)}"
        settings = {
            "SERVER": quiet.address,
            "OTP_TOKEN": "dev-test",
            "WORKER_IN_IMAGE": "1",
            "WORKER_DIR": "/w",
        }
        options = (
            *("--rm", "--name", name, "--network", "host", "--tmpfs", "/w:mode=1777", "--read-only"),
            *("--user", "12345", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *(word for key, value in settings.items() for word in ("--env", f"HODEI_{key}={value}")),
        )
        process = await asyncio.create_subprocess_exec(
            agent_volume.engine.program, *agent_volume.command(DISTROLESS, *options)
        )
        stack.push_async_callback(process.wait)
        stack.push_async_callback(asyncio.to_thread, agent_volume.engine.call, "rm", "--force", name)
        yield quiet


async def test_a_job_runs_in_the_image_around_the_agent(contained: Any) -> None:
    job = await contained.queue("/app/hello", "you")
    told = await contained.until(job, "SUCCEEDED", "FAILED")
    assert told.state == "SUCCEEDED"
    assert any("you" in line.line for line in await contained.lines(job))
