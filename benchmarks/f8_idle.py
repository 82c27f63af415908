"""F8: what a control plane costs that has nothing to do.

python -m benchmarks.f8_idle --seconds 60
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from benchmarks.bench import Benchmark, warm_stack
from benchmarks.figures import Row, at_most
from benchmarks.machine import children, cpu_seconds, resident_mib
from benchmarks.options import Options
from benchmarks.peers.measure import idle_transactions, transactions
from benchmarks.peers.peer import Peer
from benchmarks.postgres import Postgres
from benchmarks.stack import Stack

SECONDS = 60.0
# What a start leaves to do (statistics, first heartbeats) is over by then.
SETTLES = 5.0


async def measure(stack: Stack, chosen: Options) -> Sequence[Row]:
    """Transactions of its database, processor time and memory of server and workers."""
    seconds = chosen.seconds or SECONDS
    await stack.client.run("/bin/true")
    await asyncio.sleep(SETTLES)
    workers = children(stack.pid)
    before = (await transactions(stack.url), cpu_seconds(stack.pid), sum(map(cpu_seconds, workers)))
    await asyncio.sleep(seconds)
    after = (await transactions(stack.url), cpu_seconds(stack.pid), sum(map(cpu_seconds, workers)))
    # The count before was a transaction too.
    rate = (after[0] - before[0] - 1) / seconds
    share = (after[1] - before[1]) / seconds * 100
    each = (after[2] - before[2]) / seconds * 100 / max(1, chosen.workers)
    memory = [resident_mib(stack.pid), *(resident_mib(pid) for pid in workers)]
    return [
        Row(what="transactions", unit="xacts/s", samples=(rate,), bars=(at_most("p50", 2),)),
        Row(what="server's processor time", unit="% of a core", samples=(share,), bars=(at_most("p50", 1),)),
        Row(what="processor time of an idle worker", unit="% of a core", samples=(each,)),
        Row(what="server's memory", unit="MiB", samples=(memory[0],)),
        Row(what="memory of its workers together", unit="MiB", samples=(sum(memory[1:]),)),
    ]


async def peer(each: Peer, server: Postgres, chosen: Options) -> Row:
    return await idle_transactions(each, server, chosen.seconds or SECONDS)


BENCHMARK = Benchmark(
    name="f8_idle",
    title="an idle control plane",
    subject=warm_stack,
    measure=measure,
    peer=peer,
    notes=("Transactions are those that Postgres counts for the database, of all connections.",),
)

if __name__ == "__main__":
    BENCHMARK.main()
