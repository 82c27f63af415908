"""F2: from the call that submits a job to the start of its process, on a warm worker.

python -m benchmarks.f2_start
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.bench import Benchmark, warm_stack
from benchmarks.client import instant
from benchmarks.figures import Row, at_most
from benchmarks.limits import commits, grpc_calls
from benchmarks.options import Options
from benchmarks.postgres import Postgres
from benchmarks.stack import Stack

COUNT = 200
WARM_UP = 10


async def measure(stack: Stack, chosen: Options) -> Sequence[Row]:
    """One job at a time. The job says when it ran, and the platform when it started the process."""
    ran, started = [], []
    for number in range(WARM_UP + (chosen.count or COUNT)):
        since = time.time()
        job_id = await stack.client.submit("/bin/date", "+%s.%N")
        job = await stack.client.ended(job_id)
        if number >= WARM_UP:
            started.append((instant(job.started_at) - since) * 1e3)
            ran.append((float(await stack.client.output(job_id)) - since) * 1e3)
    bars = (at_most("p50", 10), at_most("p95", 25))
    return [
        Row(what="call → the program reads its clock", unit="ms", samples=tuple(ran), bars=bars),
        Row(what="call → process started, as recorded", unit="ms", samples=tuple(started), bars=bars),
    ]


async def limits(server: Postgres) -> Sequence[Row]:
    return [(await commits(server.url, 1, 500))[0], await grpc_calls(500)]


BENCHMARK = Benchmark(
    name="f2_start",
    title="from submission to the start of the process, warm worker",
    subject=warm_stack,
    measure=measure,
    limits=limits,
    notes=("The first row includes starting /bin/date up to its look at the clock.",),
)

if __name__ == "__main__":
    BENCHMARK.main()
