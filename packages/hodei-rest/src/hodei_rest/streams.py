"""Streams: server-sent events and their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from litestar.response import Stream

T = TypeVar("T")
ALIVE_S = 15.0
ALIVE = b": alive\n\n"
"""What a silent stream says, so that proxies keep it and a reader that is gone is noticed."""


async def until(stopping: asyncio.Event, items: AsyncIterator[T]) -> AsyncGenerator[T | None, None]:
    """The items, None for a silence, until they end or the server stops; then the source is closed."""
    stop: asyncio.Future[Any] = asyncio.ensure_future(stopping.wait())
    step: asyncio.Future[Any] | None = None
    try:
        while not stop.done():
            step = step or asyncio.ensure_future(anext(items))
            done, _ = await asyncio.wait({step, stop}, timeout=ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
            if step.done():
                try:
                    item = step.result()
                except StopAsyncIteration:
                    return
                step = None
                yield item
            elif not done:
                yield None
    finally:
        stop.cancel()
        if step is not None:
            step.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
                await step
        if isinstance(items, AsyncGenerator):
            await items.aclose()


def event(name: str, data: bytes, id: str = "") -> bytes:
    """One server-sent event; `data` is JSON in one line."""
    head = f"id: {id}\nevent: {name}\n" if id else f"event: {name}\n"
    return head.encode() + b"data: " + data + b"\n\n"


def event_of(name: str, content: msgspec.Struct, id: str = "") -> bytes:
    """One server-sent event with a resource."""
    return event(name, msgspec.json.encode(content), id)


def event_stream(events: AsyncGenerator[bytes, None]) -> Stream:
    """The answer that carries them."""
    return Stream(
        events,
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
