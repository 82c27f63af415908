"""F5: the queue core: jobs submitted, claimed and finished a second, without processes and without gRPC.

python -m benchmarks.f5_queue_core --count 50000
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from benchmarks.bench import Benchmark
from benchmarks.core import Core, core
from benchmarks.figures import Row, at_least
from benchmarks.limits import commits
from benchmarks.options import Options
from benchmarks.peers.measure import jobs_per_second
from benchmarks.peers.peer import Peer
from benchmarks.postgres import Postgres

COUNT = 20_000
BATCH = 100


@asynccontextmanager
async def core_alone(server: Postgres, chosen: Options) -> AsyncIterator[Core]:
    async with server.database("hodei_core") as url, core(url, BATCH) as found:
        yield found


async def measure(core: Core, chosen: Options) -> Sequence[Row]:
    """Each job with its spec, queue row, lease, attempt and its four records."""
    await core.run(10 * BATCH)
    count = chosen.count or COUNT
    rates = [await core.run(count) for _ in range(chosen.repeat)]
    what = f"submit + claim + finish, batches of {BATCH}, {count} jobs"
    return [Row(what=what, unit="jobs/s", samples=tuple(rates), bars=(at_least("p50", 5000),))]


async def peer(each: Peer, server: Postgres, chosen: Options) -> Row:
    count = min(chosen.count or COUNT, COUNT)
    return await jobs_per_second(each, server, count, body="nothing", batch=BATCH, repeat=chosen.repeat)


async def limits(server: Postgres) -> Sequence[Row]:
    return [row for connections in (1, 8) for row in (await commits(server.url, connections, 2000))[1:]]


BENCHMARK = Benchmark(
    name="f5_queue_core",
    title="queue core: submitted, claimed and finished, no process",
    subject=core_alone,
    measure=measure,
    peer=peer,
    limits=limits,
    defaults={"repeat": 3},
    notes=(
        "Ours runs in one process and keeps four audit records, the attempt and the spec of each job.",
        "PgQueuer submits in one process and works in another, and keeps a row of log for each job.",
    ),
)

if __name__ == "__main__":
    BENCHMARK.main()
