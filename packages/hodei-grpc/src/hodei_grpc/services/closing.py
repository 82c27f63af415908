"""Ending what a use case streams when its reader leaves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def closed_after(stream: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close an async generator as soon as the block is left, not when the garbage collector finds it."""
    generator: Any = stream
    try:
        yield stream
    finally:
        await generator.aclose()
