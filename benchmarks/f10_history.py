"""F10: F1 to F5 on a database with a million finished jobs, beside the same on a database with few.

python -m benchmarks.f10_history --count 1000000
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

from attrs import evolve, frozen

from benchmarks import f1_submit, f2_start, f3_round_trip, f4_jobs_per_second, f5_queue_core
from benchmarks.bench import run_and_emit
from benchmarks.core import core
from benchmarks.figures import Report, Row, at_most
from benchmarks.history import fill
from benchmarks.options import Options, options, parser
from benchmarks.postgres import postgres, size_of
from benchmarks.stack import Stack, stack_on

JOBS = 1_000_000
ORIGINALS = 200
WORKERS = 8
TOLERANCE = 1.10  # within 10 %
Found = dict[str, list[float]]


@frozen(kw_only=True)
class Part:
    """One of F1 to F5: how it is measured, how much of it in a round, and whether more is better."""

    name: str
    measure: Callable[[Stack, Options], Awaitable[Sequence[Row]]]
    count: int
    is_rate: bool = False


PARTS = (
    Part(name="F1 submission", measure=f1_submit.measure, count=1000),
    Part(name="F2 start", measure=f2_start.measure, count=100),
    Part(name="F3 round trip", measure=f3_round_trip.measure, count=100),
    Part(name="F4 jobs a second", measure=f4_jobs_per_second.measure, count=1000, is_rate=True),
)
CORE, CORE_COUNT = "F5 core", 5000


async def run(chosen: Options) -> Report:
    """Measure both databases in turn, so often as asked, and compare the medians."""
    async with postgres(chosen) as server, AsyncExitStack() as databases:
        few = await databases.enter_async_context(server.database("hodei_few"))
        many = await databases.enter_async_context(server.database("hodei_many"))
        await _originals(few, chosen)
        await _originals(many, chosen)
        finished = await fill(many, chosen.count or JOBS)
        found: dict[str, Found] = {few: {}, many: {}}
        for _ in range(chosen.repeat):
            for url in (few, many):
                await _measure(url, chosen, found[url])
        size = await size_of(many)
    return Report(
        name="f10_history",
        title=f"F1 to F5 with {finished:,} finished jobs ({size}), against the same with {ORIGINALS}",
        setup={**server.setup, "workers": str(chosen.workers)},
        rows=tuple(_compared(found[few], found[many])),
        notes=("A ratio above 1 means slower with the history. Both databases are measured in turn.",),
    )


async def _originals(url: str, chosen: Options) -> None:
    """Finished jobs of each kind, to be copied."""
    async with stack_on(url, chosen) as stack:
        for number in range(ORIGINALS):
            await stack.client.run("/bin/echo", f"original {number}")


async def _measure(url: str, chosen: Options, found: Found) -> None:
    async with core(url, f5_queue_core.BATCH) as alone:
        await alone.run(10 * f5_queue_core.BATCH)
        found.setdefault(CORE, []).append(await alone.run(CORE_COUNT))
    async with stack_on(url, chosen) as stack:
        for part in PARTS:
            row = (await part.measure(stack, evolve(chosen, count=part.count, repeat=1, seconds=None)))[0]
            found.setdefault(part.name, []).append(row.summary.p50)


def _compared(few: Found, many: Found) -> list[Row]:
    rates = {CORE, *(part.name for part in PARTS if part.is_rate)}
    rows = []
    for name in (*(part.name for part in PARTS), CORE):
        unit = "jobs/s" if name in rates else "ms, p50"
        rows.append(Row(what=f"{name}, few finished jobs", unit=unit, samples=tuple(few[name])))
        rows.append(Row(what=f"{name}, many finished jobs", unit=unit, samples=tuple(many[name])))
        slower = statistics.median(many[name]) / statistics.median(few[name])
        ratio = 1 / slower if name in rates else slower
        rows.append(Row(what=f"{name}, ratio", unit="×", samples=(ratio,), bars=(at_most("p50", TOLERANCE),)))
    return rows


def main() -> None:
    """Read the options, run, print."""
    source = parser("f10_history", "F1 to F5 with many finished jobs in the database")
    source.set_defaults(workers=WORKERS, repeat=3)
    chosen = options(source)
    run_and_emit(run(chosen), chosen)


if __name__ == "__main__":
    main()
