"""Two servers on one database: whatever is asked of one holds for the other, and either may go."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hodei_grpc.client import CallFailed

from faults.desk import Desk, until
from faults.system import System, system

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SHARED = pytest.mark.asyncio(loop_scope="module")
COUNT = "import sys, time\nfor n in range({lines}): print(time.time(), flush=True); time.sleep({pause})"
SEEN_WITHIN = 1.5  # seconds, on a busy machine; a quiet one takes 0.2


def counts(lines: int, pause: float) -> tuple[str, ...]:
    """A job that prints the time, again and again."""
    return (sys.executable, "-S", "-c", COUNT.format(lines=lines, pause=pause))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(need_postgres: None) -> AsyncIterator[System]:
    """Two replicas, for all tests that leave them whole; all workers are connected to the second one."""
    async with system(2, {"HODEI_WORKER_MIN_IDLE": "1"}, doors=(1,)) as found:
        yield found


@pytest.fixture
async def hasty(need_postgres: None) -> AsyncIterator[System]:
    """The same with short leases: whatever is silent is given up the sooner. HODEI_TEST_LONG=1: the usual."""
    lease = "45s" if os.environ.get("HODEI_TEST_LONG") == "1" else "12s"
    async with system(2, {"HODEI_WORKER_MIN_IDLE": "1", "HODEI_LEASE": lease}, doors=(1,)) as found:
        yield found


@pytest.fixture
async def spread(need_postgres: None) -> AsyncIterator[System]:
    """Two replicas, and workers that know both."""
    async with system(2) as found:
        yield found


@SHARED
async def test_output_moves_and_events_are_seen_live_at_a_replica_that_holds_no_stream(
    pair: System,
) -> None:
    async with Desk(pair, pair.replicas[0]) as here:
        job = await here.queue(*counts(lines=40, pause=0.05))
        watching = asyncio.create_task(here.moves(job))
        late = []
        async for text in here.output(job):
            late += [time.time() - float(line) for line in text.decode().split()]
        moves = await watching
        assert len(late) == 40
        median = statistics.median(late)
        print(f"output from elsewhere: median {median * 1e3:.0f} ms, most {max(late) * 1e3:.0f} ms")
        assert max(late) < SEEN_WITHIN
        assert [each.state for _, each in moves][-1] == "SUCCEEDED"
        seen, last = moves[-1]
        assert last.completed_at is not None
        assert seen - last.completed_at.timestamp() < SEEN_WITHIN
        assert "JobAssigned" in await here.events(job)


@SHARED
async def test_short_jobs_of_a_worker_elsewhere_are_seen_to_end_at_once(pair: System) -> None:
    async with Desk(pair, pair.replicas[0]) as here:
        await here.moves(await here.queue("true"))  # a worker is there now
        late = []
        for _ in range(8):
            moves = await here.moves(await here.queue("true"))
            seen, last = moves[-1]
            assert last.completed_at is not None
            late.append(seen - last.completed_at.timestamp())
        assert statistics.median(late) < 0.75, late


@SHARED
async def test_a_cancel_reaches_the_worker_through_the_replica_that_holds_its_stream(pair: System) -> None:
    async with Desk(pair, pair.replicas[0]) as here:
        job = await here.queue("sleep", "600")
        await here.until(job, "RUNNING")
        asked = time.monotonic()
        await here.cancel(job)
        assert (await here.until(job, "CANCELLED")).reason == "cancelled"
        assert time.monotonic() - asked < 3


@SHARED
async def test_a_listener_that_is_terminated_hears_hints_again(pair: System) -> None:
    async with Desk(pair, pair.replicas[0]) as here:
        job = await here.queue("sleep", "600")
        await here.until(job, "RUNNING")
        assert await pair.database.terminate_listeners() == 2

        async def listens() -> bool:
            query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            return bool((await pair.rows(query))[0][0] == 2)

        await until(listens, 15)
        asked = time.monotonic()
        await here.cancel(job)
        await here.until(job, "CANCELLED")
        assert time.monotonic() - asked < 3


async def test_connections_to_the_database_that_went_silent_hold_nobody_up_for_ever(
    hasty: System,
) -> None:
    """As when a firewall forgets them: nothing comes, and nobody says that they are gone."""
    async with Desk(hasty, hasty.replicas[0]) as here:
        await here.moves(await here.queue("true"))
        assert hasty.database.proxy.forsake() >= 4

        async def served() -> bool:
            try:
                return (await here.until(await here.queue("true"), "SUCCEEDED")).state == "SUCCEEDED"
            except CallFailed:
                return False

        assert await until(served, 60) < 45


async def test_a_server_that_leaves_hands_its_workers_over_and_fails_no_call_twice(spread: System) -> None:
    async with Desk(spread, spread.replicas[0]) as first, Desk(spread, spread.replicas[1]) as second:
        jobs = [await first.queue(*counts(lines=120, pause=0.05)) for _ in range(4)]
        for job in jobs:
            await first.until(job, "RUNNING")
        over = asyncio.Event()
        calling = [asyncio.create_task(call_until(over, first, second, jobs[0])) for _ in range(4)]
        leaving = asyncio.create_task(spread.replicas[0].leave())
        away = 0.0
        handed = "SELECT count(*) FROM workers WHERE job_id IS NOT NULL AND connected"

        async def all_here() -> bool:
            return bool((await spread.rows(handed))[0][0] == 4) and leaving.done()

        away = await until(all_here)
        over.set()
        failed_twice = sum([await each for each in calling])
        assert failed_twice == 0
        for job in jobs:
            assert (await second.until(job, "SUCCEEDED", "FAILED")).state == "SUCCEEDED"
            text = b"".join([each async for each in second.output(job)])
            assert len(text.split()) == 120
        assert await spread.rows("SELECT max(attempt) FROM jobs") == [(1,)]
        print(f"workers were handed over, and the server gone, after {away * 1e3:.0f} ms")
        assert away < 5


async def call_until(over: asyncio.Event, first: Desk, second: Desk, job: str) -> int:
    """Ask one server after the other, and each time it fails the other one once; how often both failed."""
    failed = 0
    desks = (first, second)
    while not over.is_set():
        try:
            await desks[0].job(job)
        except CallFailed:
            try:
                await desks[1].job(job)
            except CallFailed:
                failed += 1
        desks = desks[::-1]
        await asyncio.sleep(0.01)
    return failed


async def test_a_command_that_follows_its_job_goes_on_at_another_server(spread: System) -> None:
    first, second = spread.replicas
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("HODEI_")},
        "HODEI_SERVER": f"{first.address},{second.address}",
        "HODEI_TOKEN": spread.token,
        "HODEI_DATA_DIR": str(spread.place / "elsewhere"),
    }
    script = "i=0; while [ $i -lt 60 ]; do i=$((i + 1)); echo $i; sleep 0.05; done; exit 3"
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "hodei_cli", "run", "--", "/bin/sh", "-c", script),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    assert command.stdout is not None
    line = await asyncio.wait_for(command.stdout.readline(), 60)
    await first.kill()
    rest, said = await asyncio.wait_for(command.communicate(), 60)
    assert (line + rest).split() == [b"%d" % n for n in range(1, 61)]
    assert command.returncode == 3, said.decode()
