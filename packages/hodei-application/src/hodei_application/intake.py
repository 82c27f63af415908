"""What streams pour in, committed in order of arrival, by batches, with back-pressure."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

from attrs import define, field

from hodei_application.group_commit import nobody_counts, unavailable
from hodei_application.ports import Jitter
from hodei_application.scheduling.loop import Wake

T = TypeVar("T")

ROOM = 32 * 1024 * 1024
"""Weight (bytes) that may wait in all. Beyond it streams are not read any further, and the agents' spools
take over.
"""

LARGEST_WEIGHT = 4 * 1024 * 1024
LARGEST_COUNT = 512
LINGER = timedelta(milliseconds=4)
"""How long a patient item waits for company. A short job tells of its start and, a moment later, of its
end: in one commit both take half the work, and the end does not queue behind the start.
"""

SHORTEST_BACKOFF = 0.1
LONGEST_BACKOFF = 5.0


@define(eq=False)
class Intake(Generic[T]):
    """Like GroupCommit for those who do not wait for a result: it goes back over the stream.

    While the store is away the same batch is tried again under backoff: nothing is acknowledged, nothing is
    dropped, and the back-pressure reaches the senders. A batch that fails otherwise is halved until the
    item at fault stands alone; that one is handed to `spoiled`.
    """

    _commit: Callable[[Sequence[T]], Awaitable[None]]
    _spoiled: Callable[[T, Exception], None]
    _jitter: Jitter
    _room: int = ROOM
    _counted: Callable[[int], None] = nobody_counts
    _waiting: deque[tuple[T, int]] = field(factory=deque, init=False)
    _weight: int = field(default=0, init=False)
    _task: asyncio.Task[None] | None = field(default=None, init=False)
    _shrunk: asyncio.Event = field(factory=asyncio.Event, init=False)
    _urgent: Wake = field(factory=Wake, init=False)

    async def post(self, item: T, weight: int, *, patient: bool = False) -> None:
        """Take an item in. Waits only while too much waits already.

        A patient item may wait a few milliseconds for company: what follows it soon then shares its commit.
        """
        while self._weight > self._room:
            self._shrunk.clear()
            await self._shrunk.wait()
        self._waiting.append((item, weight))
        self._weight += weight
        if not patient:
            self._urgent()
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="intake")

    async def settled(self) -> None:
        """Return when all that was posted is committed."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def abandon(self) -> None:
        """Drop what waits: it was not acknowledged, so its senders have it still."""
        if self._task is not None:
            self._task.cancel()

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._urgent.wait(LINGER)
                batch, weight = self._take()
                self._counted(len(batch))
                await self._persist(batch)
                self._weight -= weight
                self._shrunk.set()
        finally:
            self._task = None
            if self._waiting:  # cancelled
                self._waiting.clear()
            self._weight = 0
            self._shrunk.set()

    def _take(self) -> tuple[list[T], int]:
        batch: list[T] = []
        total = 0
        while self._waiting and len(batch) < LARGEST_COUNT and total < LARGEST_WEIGHT:
            item, weight = self._waiting.popleft()
            batch.append(item)
            total += weight
        if self._waiting:
            self._urgent()  # what did not fit has waited already
        return batch, total

    async def _persist(self, batch: Sequence[T]) -> None:
        failures = 0
        while True:
            try:
                await self._commit(batch)
            except Exception as error:
                if not unavailable(error):
                    await self._split(batch, error)
                    return
                backoff = min(SHORTEST_BACKOFF * 2 ** min(failures, 10), LONGEST_BACKOFF)
                failures += 1
                await asyncio.sleep(backoff * (0.5 + 0.5 * self._jitter()))
            else:
                return

    async def _split(self, batch: Sequence[T], error: Exception) -> None:
        if len(batch) == 1:
            self._spoiled(batch[0], error)
            return
        middle = len(batch) // 2
        await self._persist(batch[:middle])
        await self._persist(batch[middle:])
