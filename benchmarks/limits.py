"""What this machine can do at best, with next to nothing of ours: the ceiling above every other figure.

python -m benchmarks.limits
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import grpc
import psycopg

from benchmarks.figures import Report, Role, Row
from benchmarks.load import at_once
from benchmarks.options import Options, emit, options, parser
from benchmarks.peers.peer import end
from benchmarks.postgres import Postgres, postgres

PAGE = b"\0" * 8192  # Postgres writes its log in pages of this size
LINE = 100  # bytes of one line of output, its end included
STARTS_WITHIN = 60.0  # seconds for the process that answers calls
_ECHO = "/benchmarks.Echo/Call"
Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"
Call: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"


def limit(what: str, unit: str, *samples: float) -> Row:
    """A row that is held to no bar."""
    return Row(what=what, unit=unit, samples=samples, role=Role.LIMIT)


def fdatasync(directory: Path, count: int = 200) -> Row:
    """A page written and forced to disk."""
    times = []
    with tempfile.NamedTemporaryFile(dir=directory, buffering=0) as file:
        for _ in range(count):
            since = time.perf_counter()
            os.pwrite(file.fileno(), PAGE, 0)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - since) * 1e3)
    return limit("page written and fdatasync", "ms", *times)


async def commits(url: str, connections: int, count: int = 1000) -> tuple[Row, Row]:
    """One row inserted and committed: the time of each, and how many a second."""
    admin = await psycopg.AsyncConnection.connect(url, autocommit=True)
    async with admin:
        await admin.execute("CREATE TABLE IF NOT EXISTS benchmark_commits (number bigint, text text)")
        ours = [await psycopg.AsyncConnection.connect(url, autocommit=True) for _ in range(connections)]
        free = asyncio.LifoQueue[psycopg.AsyncConnection]()
        for each in ours:
            free.put_nowait(each)

        async def commit(number: int) -> None:
            connection = await free.get()
            await connection.execute(
                "INSERT INTO benchmark_commits VALUES (%s, 'x')", (number,), prepare=True
            )
            free.put_nowait(connection)

        load = await at_once(commit, count, connections)
        for each in ours:
            await each.close()
        await admin.execute("DROP TABLE benchmark_commits")
    name = f"one-row commit, {connections} connection{'s' * (connections > 1)}"
    return limit(name, "ms", *load.times_ms), limit(name, "commits/s", load.per_second)


async def asyncio_spawns(count: int = 400, at_a_time: int = 16) -> Row:
    """Processes started with asyncio and awaited, without pipes."""

    async def spawn(_: int) -> None:
        process = await asyncio.create_subprocess_exec(
            "/bin/true", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
        )
        await process.wait()

    load = await at_once(spawn, count, at_a_time)
    return limit(f"asyncio process spawns, {at_a_time} at a time", "processes/s", load.per_second)


def posix_spawns(count: int = 800, at_a_time: int = 16) -> Row:
    """Processes started with posix_spawn and reaped, nothing else done."""
    running: deque[int] = deque()
    since = time.perf_counter()
    for _ in range(count):
        if len(running) >= at_a_time:
            os.waitpid(running.popleft(), 0)  # ours alone: the database is a child, too, and never ends
        running.append(os.posix_spawn("/bin/true", ["true"], {}))
    while running:
        os.waitpid(running.popleft(), 0)
    return limit(f"posix_spawn, {at_a_time} at a time", "processes/s", count / (time.perf_counter() - since))


def output_command(lines: int) -> tuple[str, ...]:
    """A command that writes `lines` numbered lines of `LINE` bytes, from 1."""
    return ("/usr/bin/env", "seq", "-f", "%010.0f " + "x" * (LINE - 12), "1", str(lines))


def pipe_lines(lines: int = 1_000_000) -> Row:
    """Lines of a process read from its pipe and counted."""
    since = time.perf_counter()
    with subprocess.Popen(output_command(lines), stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        counted = 0
        while part := process.stdout.read(1 << 16):
            counted += part.count(b"\n")
    if counted != lines:
        raise RuntimeError(f"read {counted} of {lines} lines from a pipe")
    return limit(f"lines of {LINE} bytes through a pipe", "lines/s", lines / (time.perf_counter() - since))


async def grpc_calls(count: int = 500) -> Row:
    """A call with a few bytes to another process that answers them."""
    async with _echo() as address, grpc.aio.insecure_channel(address) as channel:
        call: Call = channel.unary_unary(_ECHO, bytes, bytes)

        async def echo(_: int) -> None:
            await call(b"\n$0192e1f0-0000-7000-8000-000000000000")

        await at_once(echo, 50, 1)
        load = await at_once(echo, count, 1)
    return limit("gRPC unary call, bytes", "ms", *load.times_ms)


@asynccontextmanager
async def _echo() -> AsyncIterator[str]:
    command = (sys.executable, "-m", "benchmarks.limits", "--echo")
    process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1)
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), STARTS_WITHIN)
        yield line.decode().strip()
    finally:
        await end(process)


async def _serve_echo() -> None:
    async def answer(request: bytes, _: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return request

    service, _, method = _ECHO.strip("/").partition("/")
    handler: Handler = grpc.unary_unary_rpc_method_handler(answer)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until the other side is gone
    await server.stop(None)


async def measure(server: Postgres, scale: float = 1.0) -> tuple[Row, ...]:
    """All limits; `scale` makes the counts smaller or larger."""

    def some(count: int) -> int:
        return max(1, int(count * scale))

    return (
        fdatasync(server.directory, some(300)),
        *await commits(server.url, 1, some(1000)),
        *await commits(server.url, 8, some(4000)),
        posix_spawns(some(1000)),
        await asyncio_spawns(some(800)),
        pipe_lines(some(1_000_000)),
        await grpc_calls(some(1000)),
    )


async def _main(chosen: Options) -> None:
    async with postgres(chosen) as server:
        rows = await measure(server, (chosen.count or 1000) / 1000)
        setup = server.setup
    emit(Report(name="limits", title="what this machine can do at best", setup=setup, rows=rows), chosen)


if __name__ == "__main__":
    if sys.argv[1:] == ["--echo"]:
        asyncio.run(_serve_echo())
    else:
        asyncio.run(_main(options(parser("limits", "what this machine can do at best"))))
