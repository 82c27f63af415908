"""Settings of the transport: gRPC ignores a name that it does not know, so a wrong one is found by nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc._cython import cygrpc
from hodei_grpc.options import CLIENT_OPTIONS, KEEPALIVE_MS, SERVER_OPTIONS

OFTENER_MS = KEEPALIVE_MS // 4 + 500  # just what the server allows


@pytest.mark.parametrize("name", sorted({name for name, _ in (*SERVER_OPTIONS, *CLIENT_OPTIONS)}))
def test_each_name_is_one_that_grpc_knows(name: str) -> None:
    known = Path(cygrpc.__file__).read_bytes()
    assert name.encode() in known


@pytest.mark.slow
async def test_a_call_may_be_silent_for_as_long_as_it_likes() -> None:
    """After three questions that came too early the server would send the client away."""

    async def silence(request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield b"begun"
        await asyncio.Event().wait()

    handler = grpc.unary_stream_rpc_method_handler(silence)
    server = grpc.aio.server(options=SERVER_OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", {"Silence": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    oftener = [(n, OFTENER_MS if n == "grpc.keepalive_time_ms" else value) for n, value in CLIENT_OPTIONS]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=oftener) as channel:
        call = channel.unary_stream("/test/Silence")(b"")
        assert await call.read() == b"begun"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call.read(), 4.5 * OFTENER_MS / 1000)
    await server.stop(None)
