"""Twenty jobs that print a counted line each 10 ms while what is between them and their users goes away.

HODEI_TEST_LONG=1 takes the times of the promise: a server away for 10 s, Postgres for 20, the network for 30.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from faults.desk import Desk, until
from faults.system import System, system

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LONG = os.environ.get("HODEI_TEST_LONG") == "1"
JOBS = 20
COUNT = """
import sys, time
end = time.monotonic() + {seconds}
n = 0
while time.monotonic() < end:
    n += 1
    print(n, flush=True)
    time.sleep(0.01)
print("all", n)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(need_postgres: None) -> AsyncIterator[System]:
    """Two replicas with room for all jobs at a time."""
    async with system(2, {"HODEI_PROCESS_MAX_WORKERS": str(JOBS)}) as found:
        yield found


@pytest.mark.asyncio(loop_scope="module")
class TestTwentyJobs:
    """Each test lets its jobs begin, breaks something, mends it, and looks at every line of every job."""

    async def count_through(
        self, platform: System, seconds: float, trouble: Callable[[], Awaitable[None]]
    ) -> None:
        """No job is killed or run twice; every log is the complete count; results are there."""
        first = platform.replicas[0]
        async with Desk(platform, first) as desk:
            await asyncio.gather(*(self.warm(desk) for _ in range(JOBS)))
            command = (sys.executable, "-S", "-c", COUNT.format(seconds=seconds + 4))
            jobs = [await desk.queue(*command) for _ in range(JOBS)]
            await asyncio.gather(*(desk.until(job, "RUNNING") for job in jobs))
        await trouble()
        for replica in platform.replicas:
            await replica.start()
        async with Desk(platform, platform.replicas[1]) as desk:
            for job in jobs:
                done = await desk.until(job, "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT")
                assert (done.state, done.attempt, done.reason) == ("SUCCEEDED", 1, "exit"), platform.words()
                lines = b"".join([each async for each in desk.output(job)]).decode().splitlines()
                count = len(lines) - 1
                assert lines == [*map(str, range(1, count + 1)), f"all {count}"]

    async def warm(self, desk: Desk) -> None:
        """One of so many at a time that each needs a worker of its own."""
        await desk.until(await desk.queue("sleep", "1"), "SUCCEEDED")

    async def test_go_on_without_a_server(self, platform: System) -> None:
        seconds = 10.0 if LONG else 2.0

        async def all_servers_die() -> None:
            for replica in platform.replicas:
                await replica.kill()
            await asyncio.sleep(seconds)

        await self.count_through(platform, seconds, all_servers_die)

    async def test_go_on_when_the_server_that_holds_their_streams_dies(self, platform: System) -> None:
        async def one_dies() -> None:
            await platform.replicas[0].kill()

            async def all_there() -> bool:
                query = "SELECT count(*) FROM workers WHERE connected AND job_id IS NOT NULL"
                return bool((await platform.rows(query))[0][0] == JOBS)

            await until(all_there, 20)

        await self.count_through(platform, 2.0, one_dies)

    async def test_go_on_without_the_database(self, platform: System) -> None:
        seconds = 20.0 if LONG else 3.0

        async def it_stops() -> None:
            await platform.database.stop()
            await asyncio.sleep(seconds)
            await platform.database.start()

        await self.count_through(platform, seconds, it_stops)

    async def test_go_on_when_nothing_passes_on_the_network(self, platform: System) -> None:
        seconds = 30.0 if LONG else 4.0

        async def half_open() -> None:
            for replica in platform.replicas:
                replica.proxy.hold()
            await asyncio.sleep(seconds)
            for replica in platform.replicas:
                replica.proxy.cut()
                replica.proxy.release()

        await self.count_through(platform, seconds, half_open)
