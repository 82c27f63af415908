"""Workers spread over the servers again when one joins late, and what one holds is never all there is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, closing

import pytest

from faults.by_hand import SETTINGS, HandAgent
from faults.desk import Desk, until
from faults.replica import Replica
from faults.system import System, system

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

WORKERS = 8


@pytest.fixture
async def late(need_postgres: None) -> AsyncIterator[System]:
    """Two servers; the second one has not started when the workers come."""
    async with system(2, SETTINGS, start=False) as found:
        await found.replicas[0].start()
        with ExitStack() as stack:
            for number in range(WORKERS):
                stack.enter_context(closing(HandAgent(found, f"hand-{number}")))
            yield found


def came(system: System, replica: Replica) -> list[str]:
    """The workers that have connected to a server, in their order, as it says itself."""
    log = (system.place / f"{replica.name}.log").read_text(errors="replace")
    return re.findall(r"Worker (\S+) connected", log)


async def test_a_server_that_joins_late_or_comes_back_gets_half_and_serves_when_the_other_freezes(
    late: System,
) -> None:
    first, second = late.replicas

    async def all_came() -> bool:
        return len(set(came(late, first))) == WORKERS

    async def half_went() -> bool:
        return len(came(late, second)) >= WORKERS // 2

    await until(all_came)
    await second.start()
    took = await until(half_went)
    print(f"half of the workers had gone {took:.1f} s after the second server was there")
    first.freeze()
    async with Desk(late, second) as there:
        jobs = [await there.queue("true") for _ in range(WORKERS)]
        for job in jobs:
            await there.until(job, "SUCCEEDED")
    # None of those came to our help that the frozen server still holds: they notice after 15 s.
    assert len(came(late, second)) == len(set(came(late, second))) == WORKERS // 2
    first.thaw()
    assert await late.rows("SELECT max(attempt) FROM jobs") == [(1,)]
    before = len(came(late, second))
    await second.kill()
    await second.start()

    async def half_came_back() -> bool:
        return len(came(late, second)) >= before + WORKERS // 2

    await until(half_came_back)
