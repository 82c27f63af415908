"""F3: `true` as a job, from the call that submits it until the client knows its end.

python -m benchmarks.f3_round_trip
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Benchmark, warm_stack
from benchmarks.figures import Row, at_most
from benchmarks.limits import commits, grpc_calls
from benchmarks.load import at_once
from benchmarks.options import Options
from benchmarks.peers.measure import round_trips
from benchmarks.peers.peer import Peer
from benchmarks.postgres import Postgres
from benchmarks.stack import Stack

COUNT = 300


async def measure(stack: Stack, chosen: Options) -> Sequence[Row]:
    """One job at a time: queued, watched until it has ended and its result is stored."""

    async def one(_: int) -> None:
        await stack.client.run("/bin/true")

    await at_once(one, 20, 1)
    load = await at_once(one, chosen.count or COUNT, 1)
    what = "queue /bin/true, watch it end"
    return [Row(what=what, unit="ms", samples=load.times_ms, bars=(at_most("p50", 15),))]


async def peer(each: Peer, server: Postgres, chosen: Options) -> Row:
    return await round_trips(each, server, chosen.count or COUNT)


async def limits(server: Postgres) -> Sequence[Row]:
    return [(await commits(server.url, 1, 500))[0], await grpc_calls(500)]


BENCHMARK = Benchmark(
    name="f3_round_trip",
    title="true as a job, round trip at the client, warm worker",
    subject=warm_stack,
    measure=measure,
    peer=peer,
    limits=limits,
    notes=(
        "Ours ends when the client is told of the committed result, output and audit trail included.",
        "A peer's ends when its worker's process has ended, before it commits that, told through a pipe.",
    ),
)

if __name__ == "__main__":
    BENCHMARK.main()
