"""HTTP over connections that stay open, with as little as a client can do: it shares the processors."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from attrs import frozen

from benchmarks.load import Load

STARTS_WITHIN = 60.0


@frozen
class Site:
    """A server that answers HTTP, at host:port."""

    address: str

    async def get(self, path: str) -> bytes:
        """One answer's body. Raise RuntimeError if it is not a good one."""
        reader, writer = await self._connect()
        try:
            return await _ask(reader, writer, _request(path))
        finally:
            writer.close()

    async def load(self, path: str, count: int, connections: int) -> Load:
        """Ask `count` times over so many connections, each asking again as soon as it has its answer."""
        numbers, times = iter(range(count)), list[float]()
        request = _request(path)

        async def one() -> None:
            reader, writer = await self._connect()
            for _ in numbers:
                began = time.perf_counter()
                await _ask(reader, writer, request)
                times.append((time.perf_counter() - began) * 1000)
            writer.close()

        since = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(one())
        return Load(time.perf_counter() - since, tuple(times))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = self.address.rpartition(":")
        return await asyncio.open_connection(host, int(port), limit=16 * 1024 * 1024)


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{head.decode()}{body[:500].decode()}")
    return body


def _line(descriptor: int) -> str:
    with open(descriptor, "rb") as pipe:
        return pipe.readline().decode().strip()


@asynccontextmanager
async def site(*command: str, settings: Mapping[str, str] | None = None) -> AsyncIterator[Site]:
    """A server's process. It writes its address, or JSON, to the descriptor that ends its command."""
    ready, ready_there = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command, str(ready_there)),
        stdin=asyncio.subprocess.DEVNULL,
        pass_fds=(ready_there,),
        env={**os.environ, **(settings or {})},
    )
    os.close(ready_there)
    try:
        text = await asyncio.wait_for(asyncio.to_thread(_line, ready), STARTS_WITHIN)
        if not text:
            raise RuntimeError(f"{command[0]} did not start")
        yield Site(json.loads(text)["rest"] if text.startswith("{") else text)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
