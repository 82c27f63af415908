"""The clock of a server is set: times stay the database's. What else may come of it the nemesis tries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from faults.desk import Desk
from faults.system import System, system

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

AHEAD = 3600.0  # seconds


@pytest.fixture
async def clocked(need_postgres: None, need: Callable[[str, object, str], None]) -> AsyncIterator[System]:
    """One server, whose clock can be set."""
    async with system(1, clocks=True) as found:
        need("compiler", found.replicas[0].clock.can_be_set, "no C compiler here, so no clock can be set")
        yield found


async def test_times_are_the_databases_whatever_a_server_thinks(clocked: System) -> None:
    server = clocked.replicas[0]
    async with Desk(clocked, server) as desk:
        for ahead in (AHEAD, -AHEAD):
            server.clock.set(ahead)
            done = await desk.until(await desk.queue("true"), "SUCCEEDED")
            assert done.completed_at is not None
            assert abs(done.completed_at - datetime.now(UTC)) < timedelta(seconds=60)
