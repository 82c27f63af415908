"""Whether somebody watches what the job uses, and how closely."""

from __future__ import annotations

import asyncio
import time

SHORTEST_SECONDS = 0.5  # whatever a server asks for: a look reads the process table
LONGEST_SECONDS = 300.0  # a server that goes away without a word does not keep us at it


class Watch:
    """Lets heartbeats come more often for a while. It runs out by itself."""

    def __init__(self) -> None:
        self._interval = 0.0
        self._until = 0.0
        self._asked = asyncio.Event()

    @property
    def is_on(self) -> bool:
        """Whether somebody watches now."""
        return time.monotonic() < self._until

    def ask(self, interval_seconds: float, lasts_seconds: float) -> None:
        """Somebody does, for so long."""
        if not self.is_on:
            self._asked.set()
        self._interval = max(interval_seconds, SHORTEST_SECONDS)
        self._until = time.monotonic() + min(max(lasts_seconds, 0.0), LONGEST_SECONDS)

    def wake(self) -> None:
        """Whoever sleeps is to go on now."""
        self._asked.set()

    async def sleep(self, seconds: float) -> None:
        """Wait so long, or as long as who watches wants; not on when somebody begins to."""
        try:
            async with asyncio.timeout(min(seconds, self._interval) if self.is_on else seconds):
                await self._asked.wait()
        except TimeoutError:
            pass
        self._asked.clear()
