"""The measurements of a peer. Each one gets a database of its own on the server of the run."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg

from benchmarks.figures import Role, Row
from benchmarks.load import at_once, at_rate
from benchmarks.peers.peer import Done, Peer, Submit, WorkerOptions, end
from benchmarks.peers.work import PEERS
from benchmarks.postgres import Postgres

__all__ = ["PEERS", "idle_transactions", "jobs_per_second", "round_trips", "submissions", "transactions"]
# A worker that has not run its first job by then is broken; nothing is measured with this number.
STARTS_WITHIN = 30.0


def peer_row(peer: Peer, what: str, unit: str, samples: Iterable[float]) -> Row:
    return Row(what=f"{what}: {peer.name}", unit=unit, samples=tuple(samples), role=Role.PEER)


async def submissions(peer: Peer, server: Postgres, count: int, rate: float) -> Row:
    """Time until a submission is committed, one job each, at a steady rate, nobody working."""
    async with _installed(peer, server) as url, AsyncExitStack() as stack:
        # Several connections: a call that waits must not hold back the next one.
        free = asyncio.LifoQueue[Submit]()
        submitters = [await stack.enter_async_context(peer.submitter(url)) for _ in range(4)]
        for each in submitters:
            free.put_nowait(each)

        async def submit(number: int) -> None:
            submitter = await free.get()
            await submitter([number])
            free.put_nowait(submitter)

        await at_once(submit, 20, 1)
        load = await at_rate(submit, count, rate)
    return peer_row(peer, "submission", "ms", load.times_ms)


async def round_trips(peer: Peer, server: Postgres, count: int) -> Row:
    """From the submission of one /bin/true until its worker says that it ended; the next one only then."""
    async with _working(peer, server, "process", 10) as (url, done), peer.submitter(url) as submit:

        async def one(number: int) -> None:
            await submit([number])
            if await done.next() != number:
                raise RuntimeError(f"{peer.name} ended another job")

        await at_once(one, 5, 1)
        load = await at_once(one, count, 1)
    return peer_row(peer, "round trip", "ms", load.times_ms)


async def jobs_per_second(
    peer: Peer, server: Postgres, count: int, *, body: str, batch: int, repeat: int = 1
) -> Row:
    """Jobs submitted and ended a second, from the first submission to the last end."""
    rates = []
    async with _working(peer, server, body, batch) as (url, done), peer.submitter(url) as submit:
        for _ in range(repeat):
            since = time.perf_counter()
            await _submit_and_await(submit, done, count, batch)
            rates.append(count / (time.perf_counter() - since))
    return peer_row(peer, f"{'/bin/true' if body == 'process' else 'no-op'} jobs", "jobs/s", rates)


async def _submit_and_await(submit: Submit, done: Done, count: int, batch: int) -> None:
    async def submit_all() -> None:
        for first in range(0, count, batch):
            await submit(range(first, min(first + batch, count)))

    async def await_all() -> None:
        missing = set(range(count))
        while missing:
            missing.discard(await done.next())

    async with asyncio.TaskGroup() as group:
        group.create_task(submit_all())
        group.create_task(await_all())


async def idle_transactions(peer: Peer, server: Postgres, seconds: float) -> Row:
    """Transactions a second with one worker and nothing to do."""
    async with _working(peer, server, "nothing", 10) as (url, _):
        before = await transactions(url)
        await asyncio.sleep(seconds)
        rate = (await transactions(url) - before - 1) / seconds
    return peer_row(peer, "idle, one worker", "xacts/s", [rate])


async def transactions(url: str) -> int:
    """Transactions of the database so far, the counting one included from the next time on."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(
            "SELECT pg_stat_clear_snapshot(), xact_commit + xact_rollback "
            "FROM pg_stat_database WHERE datname = current_database()"
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row[1])


@asynccontextmanager
async def _installed(peer: Peer, server: Postgres) -> AsyncIterator[str]:
    async with server.database(f"peer_{type(peer).__name__.lower()}") as url:
        await peer.install(url)
        yield url


@asynccontextmanager
async def _working(peer: Peer, server: Postgres, body: str, batch: int) -> AsyncIterator[tuple[str, Done]]:
    """A database with the peer's tables and one worker that has proven that it works."""
    async with _installed(peer, server) as url, Done() as done:
        chosen = WorkerOptions(url=url, body=body, batch=batch, done_fd=done.fd)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.peers.work", type(peer).__name__),
            *chosen.arguments(),
            pass_fds=(done.fd,),
        )
        done.given_away()
        try:
            async with peer.submitter(url) as submit, asyncio.timeout(STARTS_WITHIN):
                await submit([0])
                await done.next()
            yield url, done
        finally:
            await end(process)
