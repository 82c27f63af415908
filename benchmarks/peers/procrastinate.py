"""Procrastinate, on psycopg."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from procrastinate import App, PsycopgConnector
from procrastinate.types import JSONValue

from benchmarks.peers.peer import SLOTS, Body, Submit, WorkerOptions, body_of


class Procrastinate:
    """Jobs in one table, claimed one by one by a function in the database."""

    name = f"Procrastinate {version('procrastinate')}, psycopg"

    async def install(self, url: str) -> None:
        async with _app(url).open_async() as app:
            await app.schema_manager.apply_schema_async()

    @asynccontextmanager
    async def submitter(self, url: str) -> AsyncIterator[Submit]:
        async with _app(url).open_async() as app:
            deferrer = app.configure_task("job", queue="jobs")

            async def submit(numbers: Sequence[int]) -> None:
                if len(numbers) == 1:
                    await deferrer.defer_async(number=numbers[0])
                else:
                    await deferrer.batch_defer_async(*(_payload(number) for number in numbers))

            yield submit

    async def work(self, chosen: WorkerOptions) -> None:
        """Run jobs until SIGTERM, which the library handles."""
        app = _with_task(_app(chosen.url), body_of(chosen))
        async with app.open_async():
            await app.run_worker_async(queues=["jobs"], concurrency=SLOTS)


def _payload(number: int) -> dict[str, JSONValue]:
    return {"number": number}


def _app(url: str) -> App:
    return App(connector=PsycopgConnector(conninfo=url, min_size=SLOTS, max_size=SLOTS + 4))


def _with_task(app: App, body: Body) -> App:
    @app.task(name="job", queue="jobs")
    async def job(number: int) -> None:
        await body(number)

    return app
