"""Settings of the transport: gRPC ignores a name that it does not know, so a wrong one is found by nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc._cython import cygrpc
from hodei_domain.jobs.order import LARGEST_MESSAGE
from hodei_grpc.options import (
    ANSWER_MS,
    CLIENT_OPTIONS,
    KEEPALIVE_MS,
    MAX_MESSAGE_BYTES,
    MAX_REQUEST_BYTES,
    SERVER_OPTIONS,
)

OFTENER_MS = KEEPALIVE_MS // 4 + 500  # just what the server allows


@pytest.mark.parametrize("name", sorted({name for name, _ in (*SERVER_OPTIONS, *CLIENT_OPTIONS)}))
def test_each_name_is_one_that_grpc_knows(name: str) -> None:
    known = Path(cygrpc.__file__).read_bytes()
    assert name.encode() in known


async def begun_and_silent(request: bytes, context: Any) -> AsyncIterator[bytes]:
    """A call that says that it has begun, and nothing more."""
    yield b"begun"
    await asyncio.Event().wait()


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """Its port."""
    handler = grpc.unary_stream_rpc_method_handler(begun_and_silent)
    server = grpc.aio.server(options=SERVER_OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", {"Silence": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield port
    await server.stop(None)


@asynccontextmanager
async def way_to(port: int) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A port that leads there, until the event is set: then nothing passes any more, and nobody is told."""
    cut = asyncio.Event()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            if not cut.is_set():
                writer.write(piece)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        ways = [asyncio.create_task(each) for each in (carry(reader, back), carry(there, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for each in ways:
            each.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (back, writer):
            end.close()
            with suppress(OSError):
                await end.wait_closed()
        closed.set()

    closed = asyncio.Event()
    way = await asyncio.start_server(connected, "127.0.0.1", 0)
    yield way.sockets[0].getsockname()[1], cut
    way.close()
    await closed.wait()


async def test_a_server_that_stands_still_is_given_up_when_a_question_is_not_answered_in_time() -> None:
    sooner = {KEEPALIVE_MS: 500, ANSWER_MS: 500}  # all that is so long
    options = [(name, sooner.get(value, value)) for name, value in CLIENT_OPTIONS]
    async with (
        silent_server() as port,
        way_to(port) as (way, cut),
        grpc.aio.insecure_channel(f"127.0.0.1:{way}", options=options) as channel,
    ):
        call = channel.unary_stream("/test/Silence")(b"")
        assert await call.read() == b"begun"
        cut.set()
        with pytest.raises(grpc.RpcError, match="ping timeout"):
            await asyncio.wait_for(call.read(), 20)


@pytest.mark.slow
async def test_a_call_may_be_silent_for_as_long_as_it_likes() -> None:
    """After three questions that came too early the server would send the client away."""
    oftener = [(n, OFTENER_MS if n == "grpc.keepalive_time_ms" else value) for n, value in CLIENT_OPTIONS]
    async with (
        silent_server() as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=oftener) as channel,
    ):
        call = channel.unary_stream("/test/Silence")(b"")
        assert await call.read() == b"begun"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call.read(), 4.5 * OFTENER_MS / 1000)


def test_the_limit_of_a_job_is_derived_from_that_of_a_message() -> None:
    assert LARGEST_MESSAGE == MAX_MESSAGE_BYTES < MAX_REQUEST_BYTES
