"""A proxy of the test's own, to cut connections, or to leave them half-open: accepted, and silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

PIECE = 256 * 1024
ENDS_WITHIN = 5.0
FLUSHED_WITHIN = 1.0
TURNS = 5

Place = Path | int
"""A unix socket, or a TCP port of 127.0.0.1."""


class Proxy:
    """Forwards each connection to where `target` says just then."""

    def __init__(self, target: Callable[[], Place]) -> None:
        self._target = target
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._forsaken: set[asyncio.StreamWriter] = set()

    def cut(self) -> int:
        """Break off every connection; how many there were."""
        count = len(self._open)
        for writer in list(self._open):
            writer.transport.abort()
        return count // 2

    def hold(self) -> None:
        """Pass nothing on any more, in either direction, and tell nobody: half-open."""
        self._passing.clear()

    def release(self) -> None:
        """Pass on what waits and what comes."""
        self._passing.set()

    def forsake(self) -> int:
        """Nothing passes on the present connections for as long as they last, as when a router forgot them;
        new ones are fine. How many there are.
        """
        self._forsaken |= self._open
        return len(self._open) // 2

    async def end(self) -> None:
        """Break off everything, and wait until nothing of it is left."""
        self.release()
        for _ in range(TURNS):  # what was accepted just before comes a few turns of the loop later
            self.cut()
            await asyncio.sleep(0)
        if self._serving:
            _, late = await asyncio.wait(self._serving, timeout=ENDS_WITHIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for _ in range(TURNS):  # transports that were closed say so later, too
            await asyncio.sleep(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            await self._passing.wait()
            answers, there = await _connect(self._target())
            self._open.add(there)
            pumps = [asyncio.create_task(self._pump(*ends)) for ends in ((reader, there), (answers, writer))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass  # nobody is there: the caller is told by the end of the connection
        finally:
            for end in (writer, there):
                if end is not None:
                    self._open.discard(end)
                    self._forsaken.discard(end)
                    await _close_in_time(end)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(PIECE):
                await self._passing.wait()
                if writer in self._forsaken:
                    continue
                writer.write(data)
                await writer.drain()


async def _close_in_time(writer: asyncio.StreamWriter) -> None:
    """With what is to be sent yet, if its other end takes it."""
    writer.close()
    try:
        async with asyncio.timeout(FLUSHED_WITHIN):
            await writer.wait_closed()
    except (TimeoutError, OSError):
        writer.transport.abort()


async def _connect(place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(place, int):
        return await asyncio.open_connection("127.0.0.1", place)
    return await asyncio.open_unix_connection(place)


@asynccontextmanager
async def tcp_proxy(target: Callable[[], Place]) -> AsyncIterator[tuple[Proxy, int]]:
    """A proxy and its port, while the context is open."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, server.sockets[0].getsockname()[1]
    finally:
        await _close(proxy, server)


@asynccontextmanager
async def unix_proxy(target: Callable[[], Place], at: Path) -> AsyncIterator[Proxy]:
    """A proxy that listens at a unix socket, while the context is open."""
    proxy = Proxy(target)
    server = await asyncio.start_unix_server(proxy.serve, at)
    try:
        yield proxy
    finally:
        await _close(proxy, server)


async def _close(proxy: Proxy, server: asyncio.Server) -> None:
    # A connection whose acceptance is under way when asyncio's server closes is left open for ever: so first
    # nothing more is accepted, then what was is served, then it closes.
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening.fileno())
    for _ in range(TURNS):
        await asyncio.sleep(0)
    server.close()
    await proxy.end()
