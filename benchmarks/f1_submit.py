"""F1: how long a submission takes until it is acknowledged, and so durable.

python -m benchmarks.f1_submit
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Benchmark, no_subject
from benchmarks.figures import Row, at_most
from benchmarks.limits import commits, grpc_calls
from benchmarks.load import at_once, at_rate
from benchmarks.options import Options
from benchmarks.peers.measure import submissions
from benchmarks.peers.peer import Peer
from benchmarks.postgres import Postgres
from benchmarks.stack import Stack, stack

RATE = 200.0
COUNT = 2000
# No workers, and none are made: what is submitted waits.
NOBODY = {"HODEI_WORKER_MIN_IDLE": "0", "HODEI_PROVISIONING_ENABLED": "0"}


def count_of(chosen: Options) -> int:
    """Submissions to measure: those asked for, or as many as the rate gives in the time asked for."""
    if chosen.count is not None:
        return chosen.count
    return int(chosen.seconds * (chosen.rate or RATE)) if chosen.seconds else COUNT


async def measure(stack: Stack, chosen: Options) -> Sequence[Row]:
    """Submissions at a steady rate while the workers run them."""
    row = await _submissions(stack, chosen, "workers busy")
    await stack.settled()
    return [row]


async def measure_both(server: Postgres, chosen: Options) -> Sequence[Row]:
    """First while nobody works, as the peers are measured, then while workers want the processors too."""
    async with stack(server, chosen, NOBODY) as alone:
        row = await _submissions(alone, chosen, "nobody works")
    async with stack(server, chosen) as busy:
        return [row, *await measure(busy, chosen)]


async def _submissions(stack: Stack, chosen: Options, how: str) -> Row:
    async def submit(number: int) -> None:
        await stack.client.submit("/bin/true", name=f"f1-{number}")

    await at_once(submit, 50, 2)
    load = await at_rate(submit, count_of(chosen), chosen.rate or RATE)
    what = f"submission acknowledged, {chosen.rate or RATE:.0f}/s, {how}"
    return Row(what=what, unit="ms", samples=load.times_ms, bars=(at_most("p50", 3), at_most("p99", 15)))


async def peer(each: Peer, server: Postgres, chosen: Options) -> Row:
    return await submissions(each, server, count_of(chosen), chosen.rate or RATE)


async def limits(server: Postgres) -> Sequence[Row]:
    return [(await commits(server.url, 1, 500))[0], await grpc_calls(500)]


BENCHMARK = Benchmark(
    name="f1_submit",
    title="a submission, until it is acknowledged",
    subject=no_subject,
    measure=measure_both,
    peer=peer,
    limits=limits,
    notes=(
        "Times count from when a call was due, so a stall is charged to every call it delays.",
        "The peers' submissions go to the database directly, and none of their workers runs meanwhile.",
    ),
)

if __name__ == "__main__":
    BENCHMARK.main()
