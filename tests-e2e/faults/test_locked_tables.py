"""A table that somebody keeps locked: what does not need it goes on, clocks of workers included."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import psycopg
import pytest

from faults.by_hand import SETTINGS, HandAgent
from faults.desk import Desk, until
from faults.system import System, system

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LOST_WITHIN = 60.0  # the lease, and the 30 s after a start in which silence proves nothing
# What the leader reads now and then, and what is written beside jobs.
NOT_NEEDED = "LOCK TABLE metrics_tallies, metrics_usage, settings, worker_otps IN ACCESS EXCLUSIVE MODE"


@pytest.fixture
async def bare(need_postgres: None) -> AsyncIterator[System]:
    async with system(1, {**SETTINGS, "HODEI_LEASE": "6s"}) as found:
        yield found


@pytest.fixture
def worker(bare: System) -> Iterator[HandAgent]:
    with closing(HandAgent(bare, "frozen")) as agent:
        yield agent


async def test_a_worker_is_declared_lost_while_tables_are_locked_that_this_does_not_need(
    bare: System, worker: HandAgent
) -> None:
    async def is_there() -> bool:
        return bool(await bare.rows("SELECT 1 FROM workers WHERE connected AND ended_at IS NULL"))

    await until(is_there)
    async with Desk(bare, bare.replicas[0]) as desk:
        job = await desk.queue("sleep", "600")
        await desk.until(job, "RUNNING")
        async with await psycopg.AsyncConnection.connect(bare.database.direct) as by_hand:
            await by_hand.execute(NOT_NEEDED)
            worker.freeze()

            async def is_lost() -> bool:
                return bool(await bare.rows("SELECT 1 FROM job_attempts WHERE reason = 'worker-lost'"))

            await until(is_lost, LOST_WITHIN)
    assert not bare.replicas[0].said("does not answer")
