"""A supervised loop: woken by events, polled as a safety net, quiet while the store is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from attrs import define, field

from hodei_application.group_commit import unavailable
from hodei_application.ports import Jitter

log = logging.getLogger("hodei.loops")

SHORTEST_BACKOFF = timedelta(milliseconds=250)
LONGEST_BACKOFF = timedelta(seconds=5)


@define(eq=False)
class Wake:
    """A wake-up that is not lost: one that comes while the loop works is seen at its next wait."""

    _event: asyncio.Event = field(factory=asyncio.Event, init=False)

    def __call__(self) -> None:
        self._event.set()

    async def wait(self, longest: timedelta | None) -> bool:
        """Return at a wake-up (True) or when `longest` has passed (False).

        A timer handle instead of `wait_for`: on CPython 3.11 that makes a task per wait, and the dispatcher
        waits for each job.
        """
        woken = True

        def ring() -> None:
            nonlocal woken
            woken = self._event.is_set()
            self._event.set()

        timer = None
        if longest is not None and not self._event.is_set():
            timer = asyncio.get_running_loop().call_later(longest.total_seconds(), ring)
        try:
            await self._event.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._event.clear()
        return woken


def nobody_notes(loop: str) -> None:
    """For loops whose failures are nobody's business."""


@define(eq=False)
class Loop:
    """Runs `step` for ever.

    `step` gives the longest time until it must run again; None means `every`. Waits are jittered by a
    quarter, so that replicas do not poll in step. An error is logged (an outage of the store once for all
    loops, a bug with its trace) and answered by exponential backoff with jitter, during which wake-ups do
    not count: they would make a storm. `noted` is called with the name at each error.
    """

    name: str
    step: Callable[[], Awaitable[timedelta | None]]
    every: timedelta
    wake: Wake
    jitter: Jitter
    noted: Callable[[str], None] = nobody_notes
    failures: int = field(default=0, init=False)
    _broken: bool = field(default=False, init=False)

    async def run(self) -> None:
        while True:
            try:
                pause = await self.step()
            except Exception as error:
                await asyncio.sleep(self._failed(error).total_seconds())
                continue
            self._worked()
            await self.wake.wait(self._jittered(self.every if pause is None else min(pause, self.every)))

    def _jittered(self, pause: timedelta) -> timedelta:
        return pause * (0.75 + 0.5 * self.jitter())

    def _worked(self) -> None:
        if self._broken:
            log.info("Loop %s works again", self.name)
        self.failures, self._broken = 0, False

    def _failed(self, error: Exception) -> timedelta:
        self.noted(self.name)
        if not unavailable(error) and not self._broken:
            self._broken = True
            log.error("Loop %s failed and goes on", self.name, exc_info=error)
        backoff = min(SHORTEST_BACKOFF * 2 ** min(self.failures, 10), LONGEST_BACKOFF)
        self.failures += 1
        return timedelta(seconds=backoff.total_seconds() * (0.5 + 0.5 * self.jitter()))
