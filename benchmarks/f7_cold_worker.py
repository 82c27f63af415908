"""F7: from submission to the first line at the client when there is no worker yet: the process provider.

python -m benchmarks.f7_cold_worker
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from benchmarks.bench import Benchmark
from benchmarks.figures import Row, at_most
from benchmarks.options import Options
from benchmarks.postgres import Postgres
from benchmarks.stack import Stack, stack

COUNT = 20
# Each worker ends with its only job, so each job meets none.
COLD = {"HODEI_WORKER_MIN_IDLE": "0", "HODEI_WORKER_MAX_JOBS": "1"}


def cold_stack(server: Postgres, chosen: Options) -> AbstractAsyncContextManager[Stack]:
    return stack(server, chosen, COLD)


async def measure(stack: Stack, chosen: Options) -> Sequence[Row]:
    """One job at a time, each after the last worker is gone."""
    times = []
    for _ in range(chosen.count or COUNT):
        await stack.without_workers()
        since = time.perf_counter()
        job_id = await stack.client.submit("/bin/echo", "first line")
        times.append((await stack.client.first_bytes(job_id) - since) * 1e3)
        await stack.client.ended(job_id)
    row = Row(
        what="call → first line at the client, no worker there",
        unit="ms",
        samples=tuple(times),
        bars=(at_most("p50", 500),),
    )
    return [row]


BENCHMARK = Benchmark(
    name="f7_cold_worker",
    title="cold worker to first line, local process",
    subject=cold_stack,
    measure=measure,
)

if __name__ == "__main__":
    BENCHMARK.main()
