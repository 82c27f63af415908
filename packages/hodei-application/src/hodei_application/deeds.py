"""Slow calls to the outside, each in a task of its own, so that no loop waits for an engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Hashable
from typing import Any

from attrs import define, field

from hodei_application.group_commit import unavailable

log = logging.getLogger("hodei.deeds")


async def break_off(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and return when they have ended, however they did."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


@define(eq=False)
class Deeds:
    """Runs deeds, at most `limit` at a time, and each key's one after the other never twice at once."""

    limit: int = 32
    _tasks: dict[Hashable, asyncio.Task[None]] = field(factory=dict, init=False)
    _gate: asyncio.Semaphore = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._gate = asyncio.Semaphore(self.limit)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._tasks

    def start(self, key: Hashable, deed: Callable[[], Awaitable[None]]) -> bool:
        """Begin a deed unless its key is at it already; whether it was begun."""
        if key in self._tasks:
            return False
        self._tasks[key] = asyncio.create_task(self._run(key, deed), name=f"deed {key}")
        return True

    async def end(self, key: Hashable) -> None:
        """Break off what this key is at, and return when it has ended."""
        await break_off([self._tasks[key]] if key in self._tasks else [])

    async def settled(self) -> None:
        """Return when nothing is under way."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def stop(self) -> None:
        """Break off what is under way; all of it may be repeated."""
        await break_off(list(self._tasks.values()))

    async def _run(self, key: Hashable, deed: Callable[[], Awaitable[None]]) -> None:
        try:
            async with self._gate:
                await deed()
        except Exception as error:
            if not unavailable(error):  # an outage is told of once, by the loops
                log.exception("A deed failed: %s", key)
        finally:
            del self._tasks[key]
