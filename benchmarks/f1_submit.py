"""F1: how long a submission takes until it is acknowledged, and so durable.

python -m benchmarks.f1_submit
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Benchmark, warm_stack
from benchmarks.figures import Row, at_most
from benchmarks.limits import commits, grpc_calls
from benchmarks.load import at_once, at_rate
from benchmarks.options import Options
from benchmarks.peers.measure import submissions
from benchmarks.peers.peer import Peer
from benchmarks.postgres import Postgres
from benchmarks.stack import Stack

RATE = 200.0
COUNT = 2000


def count_of(chosen: Options) -> int:
    """Submissions to measure: those asked for, or as many as the rate gives in the time asked for."""
    if chosen.count is not None:
        return chosen.count
    return int(chosen.seconds * (chosen.rate or RATE)) if chosen.seconds else COUNT


async def measure(stack: Stack, chosen: Options) -> Sequence[Row]:
    """Submissions at a steady rate while the workers run them."""

    async def submit(number: int) -> None:
        await stack.client.submit("/bin/true", name=f"f1-{number}")

    await at_once(submit, 50, 2)
    await stack.settled()
    load = await at_rate(submit, count_of(chosen), chosen.rate or RATE)
    await stack.settled()
    what = f"submission acknowledged, {chosen.rate or RATE:.0f}/s, workers busy"
    return [Row(what=what, unit="ms", samples=load.times_ms, bars=(at_most("p50", 3), at_most("p99", 15)))]


async def peer(each: Peer, server: Postgres, chosen: Options) -> Row:
    return await submissions(each, server, count_of(chosen), chosen.rate or RATE)


async def limits(server: Postgres) -> Sequence[Row]:
    return [(await commits(server.url, 1, 500))[0], await grpc_calls(500)]


BENCHMARK = Benchmark(
    name="f1_submit",
    title="a submission, until it is acknowledged",
    subject=warm_stack,
    measure=measure,
    peer=peer,
    limits=limits,
    notes=(
        "Times count from when a call was due, so a stall is charged to every call it delays.",
        "The peers' submissions go to the database directly, and none of their workers runs meanwhile.",
    ),
)

if __name__ == "__main__":
    BENCHMARK.main()
