"""F6: lines a second of one job, until they are durable and at a live subscriber, nothing lost, all in order.

python -m benchmarks.f6_log_lines --count 1000000
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from attrs import frozen

from benchmarks.bench import Benchmark, warm_stack
from benchmarks.client import Client, JobWentWrong, jobs_own
from benchmarks.figures import Row, at_least
from benchmarks.limits import LINE, output_command, pipe_lines
from benchmarks.options import Options
from benchmarks.postgres import Postgres
from benchmarks.stack import Stack

LINES = 500_000


@frozen
class Output:
    """What a subscriber got, and when it had the last of it."""

    parts: tuple[bytes, ...]
    at: float
    gaps: int

    @property
    def digest(self) -> str:
        return _digest(self.parts)


async def measure(stack: Stack, chosen: Options) -> Sequence[Row]:
    """A job writes numbered lines as fast as it may while one subscriber reads them."""
    lines = chosen.count or LINES
    with ThreadPoolExecutor(1) as threads:
        expected = await asyncio.get_running_loop().run_in_executor(threads, _expected, lines)
    await stack.client.run("/bin/true")
    live, durable = [], []
    for _ in range(chosen.repeat):
        since = time.perf_counter()
        job_id = await stack.client.submit(*output_command(lines))
        async with asyncio.TaskGroup() as group, stack.another_client() as subscriber:
            reading = group.create_task(_read(subscriber, job_id))
            await stack.client.ended(job_id)
            durable.append(lines / (time.perf_counter() - since))
            output = await reading
        live.append(lines / (output.at - since))
        _check(output, expected, "the live subscriber")
        _check(await _read(stack.client, job_id), expected, "the store")
    what = f"lines of {LINE} bytes, one job"
    bars = (at_least("p50", 100_000),)
    return [
        Row(what=f"{what}, at a live subscriber", unit="lines/s", samples=tuple(live), bars=bars),
        Row(what=f"{what}, durable and job ended", unit="lines/s", samples=tuple(durable), bars=bars),
    ]


async def _read(client: Client, job_id: str) -> Output:
    parts, gaps = [], 0
    async for chunk in client.chunks(job_id):
        parts.append(jobs_own(chunk))
        gaps += chunk.gap_bytes
    return Output(tuple(parts), time.perf_counter(), gaps)


def _expected(lines: int) -> str:
    """The digest of what the command writes, made independently of any part of the platform."""
    filler = b" " + b"x" * (LINE - 12) + b"\n"
    return _digest(b"%010d" % number + filler for number in range(1, lines + 1))


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _check(output: Output, expected: str, where: str) -> None:
    if output.gaps or output.digest != expected:
        have = sum(part.count(b"\n") for part in output.parts)
        raise JobWentWrong(f"{where} has not what the job wrote: {have} lines, {output.gaps} bytes lost")


async def limits(server: Postgres) -> Sequence[Row]:
    return [pipe_lines()]


BENCHMARK = Benchmark(
    name="f6_log_lines",
    title="lines a second of one job, until durable and at a live subscriber",
    subject=warm_stack,
    measure=measure,
    limits=limits,
    defaults={"repeat": 3},
    notes=(
        "Times count from the call that submits the job. Both outputs are compared byte by byte.",
        "The subscriber shares the processors with server, worker, job and Postgres.",
    ),
)

if __name__ == "__main__":
    BENCHMARK.main()
