"""F4: real processes a second, sustained: durable, with their output and their audit trail.

python -m benchmarks.f4_jobs_per_second --count 6000
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg

from benchmarks.bench import Benchmark, warm_stack
from benchmarks.client import JobWentWrong
from benchmarks.figures import Row, at_least
from benchmarks.limits import asyncio_spawns, commits, posix_spawns
from benchmarks.load import at_once
from benchmarks.options import Options
from benchmarks.peers.measure import jobs_per_second
from benchmarks.peers.peer import SLOTS, Peer
from benchmarks.postgres import Postgres
from benchmarks.stack import Stack

COUNT = 3000
# Enough calls under way that the server can commit several together, as many clients would have.
CALLERS = 32
WARM_UP = 100
# JobCreated, JobAssigned, SCHEDULED to RUNNING, RUNNING to SUCCEEDED.
RECORDS_OF_A_JOB = 4


# What a rate would be worth nothing without: each job's end, its records and its line.
KEPT = """
SELECT (SELECT count(*) FROM jobs WHERE state = 'SUCCEEDED' AND created_at >= %(since)s),
    (SELECT count(*) FROM audit_logs WHERE event_type LIKE 'Job%%' AND occurred_at >= %(since)s),
    (SELECT count(*) FROM jobs WHERE state = 'SUCCEEDED' AND created_at >= %(since)s
        AND EXISTS (SELECT FROM job_log_chunks WHERE job_id = jobs.id AND nbytes > 0))
"""


async def measure(stack: Stack, chosen: Options) -> Sequence[Row]:
    """From the first submission to the last end, so often as asked."""
    count = chosen.count or COUNT
    begun = datetime.now(UTC)
    await _round(stack, WARM_UP)
    rates = []
    for _ in range(chosen.repeat):
        since = time.perf_counter()
        await _round(stack, count)
        rates.append(count / (time.perf_counter() - since))
    await _everything_is_there(stack.url, begun, WARM_UP + count * chosen.repeat)
    what = f"/bin/echo jobs, {chosen.workers} workers, {count} jobs"
    return [Row(what=what, unit="jobs/s", samples=tuple(rates), bars=(at_least("p50", 300),))]


async def _round(stack: Stack, count: int) -> None:
    async def submit(number: int) -> None:
        await stack.client.submit("/bin/echo", f"job {number}")

    await at_once(submit, count, CALLERS)
    await stack.settled()


async def _everything_is_there(url: str, since: datetime, jobs: int) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute(KEPT, {"since": since})).fetchone()
    assert row is not None
    succeeded, records, logs = row
    if succeeded != jobs or logs != jobs or records < RECORDS_OF_A_JOB * jobs:
        raise JobWentWrong(f"of {jobs} jobs: {succeeded} succeeded, {records} records, {logs} with output")


async def peer(each: Peer, server: Postgres, chosen: Options) -> Row:
    return await jobs_per_second(
        each, server, chosen.count or COUNT, body="process", batch=10, repeat=chosen.repeat
    )


async def limits(server: Postgres) -> Sequence[Row]:
    return [posix_spawns(1000), await asyncio_spawns(800), (await commits(server.url, 8, 3000))[1]]


BENCHMARK = Benchmark(
    name="f4_jobs_per_second",
    title="real processes a second, sustained, durable, with output and audit trail",
    subject=warm_stack,
    measure=measure,
    peer=peer,
    limits=limits,
    defaults={"workers": SLOTS, "repeat": 3},
    notes=(
        "Afterwards the database is asked whether each job has succeeded, its four records and its line.",
        f"The peers run /bin/true in {SLOTS} slots of one worker and keep neither output nor audit trail.",
    ),
)

if __name__ == "__main__":
    BENCHMARK.main()
