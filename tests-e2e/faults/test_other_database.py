"""A server that comes back on another database, with the workers of the first one still at work."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from faults.desk import Desk, until
from faults.system import System, system

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

COUNT = "i=0; while [ $i -lt 400 ]; do i=$((i + 1)); echo $i; sleep 0.05; done; exit 3"


@pytest.fixture
async def alone(need_postgres: None) -> AsyncIterator[System]:
    """One server, which has started once on its database."""
    async with system(1) as found:
        yield found


async def mistaken(found: System, database: str, tells: str) -> None:
    """A job runs; the server restarts on another database and back; the job has not noticed."""
    [replica] = found.replicas
    async with Desk(found, replica) as desk:
        job = await desk.queue("/bin/sh", "-c", COUNT)
        await desk.until(job, "RUNNING")
    await replica.kill()
    before = found.agents()
    replica.move_to(found.database.url_of(database))
    await replica.start()
    await until(lambda: _said(found, tells))
    assert found.agents() == before
    await replica.kill()
    replica.move_to(found.database.url)
    await replica.start()
    async with Desk(found, replica) as desk:
        done = await desk.until(job, "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT")
        assert (done.state, done.exit_code, done.attempt) == ("FAILED", 3, 1)
        text = b"".join([each async for each in desk.output(job)]).decode()
        assert text.split() == [str(n) for n in range(1, 401)]


async def _said(found: System, text: str) -> bool:
    return found.replicas[0].said(text)


async def test_workers_of_another_database_are_left_alone(alone: System) -> None:
    await alone.database.copy("another")
    await mistaken(alone, "another", "alone: it belongs to another database")


async def test_workers_newer_than_a_restored_backup_are_left_alone(alone: System) -> None:
    [replica] = alone.replicas
    await replica.leave()
    await alone.database.copy("restored", of="hodei")
    await replica.start()
    await mistaken(alone, "restored", "alone: nobody knows it, for 15 more minutes")
