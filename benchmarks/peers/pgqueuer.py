"""PgQueuer, with asyncpg where that is installed (its faster driver), else with psycopg."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from pgqueuer.db import AsyncpgDriver, Driver, PsycopgDriver
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries

from benchmarks.peers.peer import Submit, WorkerOptions, body_of

HAS_ASYNCPG = importlib.util.find_spec("asyncpg") is not None
ENTRY = "job"


class PgQueuer:
    """Jobs in one table, claimed in batches, ends buffered and written in batches."""

    name = f"PgQueuer {version('pgqueuer')}, {'asyncpg' if HAS_ASYNCPG else 'psycopg'}"

    async def install(self, url: str) -> None:
        async with _driver(url) as driver:
            await Queries(driver).install()

    @asynccontextmanager
    async def submitter(self, url: str) -> AsyncIterator[Submit]:
        async with _driver(url) as driver:
            queries = Queries(driver)

            async def submit(numbers: Sequence[int]) -> None:
                payloads: list[bytes | None] = [str(number).encode() for number in numbers]
                await queries.enqueue([ENTRY] * len(numbers), payloads, [0] * len(numbers))

            yield submit

    async def work(self, chosen: WorkerOptions) -> None:
        """Run jobs until SIGTERM."""
        body = body_of(chosen)
        async with _driver(chosen.url) as driver:
            manager = QueueManager(Queries(driver))

            @manager.entrypoint(ENTRY)
            async def job(job: Job) -> None:
                assert job.payload is not None
                await body(int(job.payload))

            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, manager.shutdown.set)
            await manager.run(batch_size=chosen.batch)


@asynccontextmanager
async def _driver(url: str) -> AsyncIterator[Driver]:
    if HAS_ASYNCPG:
        import asyncpg

        connection = await asyncpg.connect(url)
        try:
            yield AsyncpgDriver(connection)
        finally:
            await connection.close()
    else:
        import psycopg

        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            yield PsycopgDriver(connection)
