"""Load: so many calls at once, or so many a second, with the time that each one took."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

from attrs import frozen

Call = Callable[[int], Awaitable[object]]


@frozen
class Load:
    """What came of a load: seconds from first to last, and milliseconds of each call."""

    seconds: float
    times_ms: tuple[float, ...]

    @property
    def per_second(self) -> float:
        return len(self.times_ms) / self.seconds


async def at_once(call: Call, count: int, callers: int) -> Load:
    """Make `count` calls, each with its number, `callers` of them at any time (a closed loop)."""
    numbers = iter(range(count))
    times: list[float] = []

    async def one_caller() -> None:
        for number in numbers:  # one iterator for all callers
            time_ms = await _timed(call, number)
            times.append(time_ms)

    since = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(min(callers, count)):
            group.create_task(one_caller())
    return Load(time.perf_counter() - since, tuple(times))


async def at_rate(call: Call, count: int, per_second: float) -> Load:
    """Make `count` calls at a steady rate, however long each one takes (an open loop).

    The time of a call counts from the instant it was due: a server that stalls does not get away with it.
    """
    since = time.perf_counter()

    async def one(number: int, due: float) -> float:
        await call(number)
        return (time.perf_counter() - due) * 1e3

    calls: list[asyncio.Task[float]] = []
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            due = since + number / per_second
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            calls.append(group.create_task(one(number, max(due, since))))
    return Load(time.perf_counter() - since, tuple(each.result() for each in calls))


async def for_seconds(call: Call, seconds: float, callers: int) -> Load:
    """Like `at_once`, for a time instead of a number of calls; calls under way are awaited."""
    numbers = itertools.count()
    times: list[float] = []
    since = time.perf_counter()

    async def one_caller() -> None:
        while time.perf_counter() - since < seconds:
            times.append(await _timed(call, next(numbers)))

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(one_caller())
    return Load(time.perf_counter() - since, tuple(times))


async def _timed(call: Call, number: int) -> float:
    since = time.perf_counter()
    await call(number)
    return (time.perf_counter() - since) * 1e3
