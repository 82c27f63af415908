"""F11: REST requests a second beside a bare Litestar in the same run, and lists with a million finished jobs.

python -m benchmarks.f11_rest --count 1000000
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence

import uvloop
from attrs import evolve

from benchmarks.bench import run_and_emit
from benchmarks.figures import Report, Role, Row, at_most
from benchmarks.history import fill
from benchmarks.http_load import Site, site
from benchmarks.options import Options, options, parser
from benchmarks.postgres import postgres, size_of
from benchmarks.stack import Stack, stack_on

JOBS = 100_000
ORIGINALS = 100
CONNECTIONS = 16
REQUESTS = 3000
PAGES = 100
LIST_BAR_MS = 50.0


async def run(chosen: Options) -> Report:
    """Measure with few jobs and with many; the bare server stands beside both."""
    async with postgres(chosen) as server, server.database("hodei_rest") as url:
        async with stack_on(url, chosen) as stack:
            await _originals(stack)
        rows = [*await _hello(), *await _requests(url)]
        finished = await fill(url, chosen.count or JOBS)
        rows += await _lists(url)
        size = await size_of(url)
    return Report(
        name="f11_rest",
        title=f"REST beside a bare Litestar, then lists of {finished:,} finished jobs ({size})",
        setup={**server.setup, "connections": str(CONNECTIONS)},
        rows=tuple(rows),
        notes=("Client, service and Postgres share the machine; hodei-rest is a process of its own.",),
    )


async def _originals(stack: Stack) -> None:
    for number in range(ORIGINALS):
        await stack.client.run("/bin/echo", f"original {number}")


async def _hello() -> Sequence[Row]:
    async with site("benchmarks.hello") as bare:
        return [await _rate(bare, "/", "a bare Litestar's hello", Role.LIMIT)]


async def _requests(url: str) -> Sequence[Row]:
    with tempfile.TemporaryDirectory(prefix="hodei-bench-rest-") as data:
        async with site(*_REST, settings=_settings(url, data)) as rest:
            (job, *_) = json.loads(await rest.get("/api/v1/jobs?limit=1"))
            return [
                await _rate(rest, f"/api/v1/jobs/{job['id']}", "a job, with its attempts"),
                await _rate(rest, "/api/v1/jobs", "a list of 50 jobs"),
            ]


async def _lists(url: str) -> Sequence[Row]:
    with tempfile.TemporaryDirectory(prefix="hodei-bench-rest-") as data:
        async with site(*_REST, settings=_settings(url, data)) as rest:
            deep = json.loads(await rest.get("/api/v1/jobs?limit=500"))[-1]["created_at"]
            asked = {
                "the newest": "/api/v1/jobs",
                "failed ones": "/api/v1/jobs?state=FAILED",
                "running ones": "/api/v1/jobs?state=RUNNING",
                "before an instant long ago": f"/api/v1/jobs?created_before={deep}",
                "by a label that no job has": "/api/v1/jobs?label=team=nobody",
            }
            return [await _time(rest, path, f"a list of 50: {what}") for what, path in asked.items()]


_REST = ("hodei_rest.main", "--port", "0", "--ready-fd")


def _settings(url: str, data: str) -> dict[str, str]:
    return {
        "HODEI_DATABASE_URL": url,
        "HODEI_DATA_DIR": data,
        "HODEI_DEV_MODE": "1",
        "HODEI_LOG_LEVEL": "warning",
        "HODEI_RATE_LIMIT": "1000000",
    }


async def _rate(where: Site, path: str, what: str, role: Role = Role.OURS) -> Row:
    await where.load(path, REQUESTS // 10, CONNECTIONS)
    load = await where.load(path, REQUESTS, CONNECTIONS)
    return Row(what=what, unit="requests/s", samples=(load.per_second,), role=role)


async def _time(where: Site, path: str, what: str) -> Row:
    await where.load(path, 5, 1)
    load = await where.load(path, PAGES, 1)
    return Row(what=what, unit="ms", samples=load.times_ms, bars=(at_most("p50", LIST_BAR_MS),))


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, run, print."""
    source = parser("f11_rest", "REST requests a second, and lists with many finished jobs")
    chosen = options(source, arguments)
    run_and_emit(run(evolve(chosen, workers=2)), chosen, uvloop.run)


if __name__ == "__main__":
    main()
