"""A private server: it leaves with its owner, and not with somebody else's job."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import define, field
from hodei_grpc.owner import until_forsaken


@define
class Curtain:
    """Hides and shows nothing, but somebody may slip in a job just before it is closed."""

    slip_in: list[Callable[[], Awaitable[object]]]
    said: list[str] = field(factory=list)

    async def hide(self) -> None:
        self.said.append("hidden")
        if self.slip_in:
            await self.slip_in.pop()()

    def show(self) -> None:
        self.said.append("shown")


@pytest.fixture
def pipe_of_a_gone_owner() -> int:
    reader, writer = os.pipe()
    os.close(writer)
    return reader


async def test_it_leaves_when_its_owner_is_gone(platform: Any, pipe_of_a_gone_owner: int) -> None:
    curtain = Curtain([])
    await asyncio.wait_for(until_forsaken(pipe_of_a_gone_owner, platform.control, curtain), 60)
    assert curtain.said == ["hidden"]


async def test_it_stays_for_a_job_that_slipped_in_while_it_hid(
    platform: Any, pipe_of_a_gone_owner: int
) -> None:
    jobs = []

    async def slip_in() -> None:
        jobs.append(await platform.queue("/bin/sleep", "0.5"))

    curtain = Curtain([slip_in])
    await asyncio.wait_for(until_forsaken(pipe_of_a_gone_owner, platform.control, curtain), 60)
    assert curtain.said == ["hidden", "shown", "hidden"]
    assert (await platform.status(jobs[0])).status == "COMPLETED"
