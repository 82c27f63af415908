"""The assembled platform for one run: a server of its own with warm workers, in a temporary directory."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
from attrs import frozen
from hodei_grpc.client import AioClient

from benchmarks.client import Client
from benchmarks.options import Options
from benchmarks.postgres import Postgres

STARTS_WITHIN = 60.0
STOPS_WITHIN = 20.0
SETTLES_WITHIN = 180.0
# A look at the workers while they start; nothing is measured meanwhile.
LOOK_EACH = 0.02


@frozen
class Stack:
    """A running server. Its database is `url`, its client is the benchmark's own connection."""

    client: Client
    url: str
    pid: int
    address: str
    data: Path

    async def warm(self, workers: int) -> None:
        """Wait until so many workers are ready for work."""

        async def ready() -> bool:
            return sum(each.state == "READY" for each in await self.client.workers()) >= workers

        await until(ready, STARTS_WITHIN)

    async def without_workers(self) -> None:
        """Wait until no worker is left."""

        async def gone() -> bool:
            return not await self.client.workers()

        await until(gone, STARTS_WITHIN)

    async def settled(self) -> None:
        """Wait until nothing is queued or running. Raise TimeoutError if that takes minutes."""
        # Asked of two small tables, so that looking costs next to nothing whatever the history.
        query = "SELECT NOT EXISTS (TABLE job_queue) AND NOT EXISTS (TABLE job_leases)"
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:

            async def nothing() -> bool:
                row = await (await connection.execute(query)).fetchone()
                return row is not None and bool(row[0])

            await until(nothing, SETTLES_WITHIN)

    @asynccontextmanager
    async def another_client(self) -> AsyncIterator[Client]:
        """A client with a connection of its own."""
        token = (self.data / "token").read_text().strip()
        async with AioClient(self.address, token=token) as calls:
            yield Client(calls)


async def until(true: Callable[[], Awaitable[bool]], within: float | None = None) -> None:
    """Look until it is true. Raise TimeoutError after so many seconds."""
    async with asyncio.timeout(within):
        while not await true():  # noqa: ASYNC110  (what is awaited is in another process)
            await asyncio.sleep(LOOK_EACH)


@asynccontextmanager
async def stack(
    server: Postgres, chosen: Options, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Stack]:
    """The platform on an empty database of its own."""
    async with server.database("hodei_bench") as url, stack_on(url, chosen, settings) as found:
        yield found


@asynccontextmanager
async def stack_on(
    url: str, chosen: Options, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Stack]:
    """A server on that database with `chosen.workers` warm workers, or with none if `settings` says so."""
    pool = {"HODEI_WORKER_MIN_IDLE": str(chosen.workers), "HODEI_PROCESS_MAX_WORKERS": str(chosen.workers)}
    wanted = {**pool, **(settings or {})}
    with tempfile.TemporaryDirectory(prefix="hodei-bench-data-") as directory:
        data = Path(directory)
        async with _process(_environment(url, data, wanted), data) as (process, address):
            token = (data / "token").read_text().strip()
            async with AioClient(address, token=token) as calls:
                found = Stack(Client(calls), url, process.pid, address, data)
                await found.warm(int(wanted["HODEI_WORKER_MIN_IDLE"]))
                yield found


def _environment(url: str, data: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's variables without Hodei's, so that a run depends on nothing around it."""
    around = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    ours = {
        "HODEI_DATABASE_URL": url,
        "HODEI_DATA_DIR": str(data),
        "HODEI_LOG_LEVEL": "warning",
        "HODEI_RATE_LIMIT": "1000000",
        "HODEI_DOCKER_ENABLED": "0",
    }
    return {**around, **ours, **settings}


def _is_setting(name: str) -> bool:
    # Without byte code each worker would compile its imports again.
    return name.startswith("HODEI_") or name in {"DATABASE_URL", "GRPC_PORT", "PYTHONDONTWRITEBYTECODE"}


@asynccontextmanager
async def _process(
    environment: Mapping[str, str], data: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The server process; it ends with this one, because it holds the other end of a pipe of ours."""
    ready, ready_there = os.pipe()
    owner_there, owner = os.pipe()
    log = data / "server.log"
    with log.open("wb") as log_file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "hodei_grpc.main", "--ephemeral", "--port", "0"),
            *("--ready-fd", str(ready_there), "--owner-fd", str(owner_there)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            pass_fds=(ready_there, owner_there),
            env=dict(environment),
        )
    os.close(ready_there)
    os.close(owner_there)
    try:
        yield process, f"127.0.0.1:{await _port(ready, log)}"
    finally:
        os.close(owner)
        await _stop(process)


async def _port(ready: int, log: Path) -> int:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ready, "rb", buffering=0)
    )
    try:
        line = await asyncio.wait_for(reader.readline(), STARTS_WITHIN)
    finally:
        transport.close()
    if not line:
        raise RuntimeError(f"the server did not start:\n{await asyncio.to_thread(log.read_text)}")
    return int(json.loads(line)["port"])


async def _stop(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), STOPS_WITHIN)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
