"""Many callers, one transaction.

A commit costs about the same for one item as for a hundred (the fsync and the round trips dominate), so
whatever arrives while a commit is under way is committed together by the next. There is no timer: an idle
system commits at once, a busy one batches by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from attrs import define, field
from hodei_domain.kernel.errors import StoreUnavailable

T = TypeVar("T")
R = TypeVar("R")


def unavailable(error: BaseException) -> bool:
    """Whether the store is away: then no item is at fault and trying them one by one would only add load."""
    return isinstance(error, StoreUnavailable)


def nobody_counts(size: int) -> None:
    """For batches whose sizes are nobody's business."""


@define(eq=False)
class GroupCommit(Generic[T, R]):
    """Call it with one item; get its own result, or its own error, after the commit.

    `commit` gets the items in order of arrival and gives one result or error for each, in the same order.
    When it raises instead, nothing was written: the batch is then halved until the item at fault stands
    alone, so one bad item never fails the others. An item whose caller went away before its turn is
    dropped.
    """

    _commit: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]]
    _largest: int = 256
    _counted: Callable[[int], None] = nobody_counts
    _waiting: deque[tuple[T, asyncio.Future[R]]] = field(factory=deque, init=False)
    _task: asyncio.Task[None] | None = field(default=None, init=False)

    async def __call__(self, item: T) -> R:
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="group-commit")
        return await future

    async def settled(self) -> None:
        """Return when nothing waits any more."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        try:
            while batch := self._take():
                await self._settle(batch)
        finally:
            # Only a cancelled task (the process goes down) leaves futures behind; their callers must not
            # hang.
            self._task = None
            for _, future in (*batch, *self._waiting):
                future.cancel()
            self._waiting.clear()

    def _take(self) -> list[tuple[T, asyncio.Future[R]]]:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        while self._waiting and len(batch) < self._largest:
            item, future = self._waiting.popleft()
            if not future.done():
                batch.append((item, future))
        return batch

    async def _settle(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        self._counted(len(batch))
        try:
            results = await self._commit([item for item, _ in batch])
        except Exception as error:
            if len(batch) == 1 or unavailable(error):
                _tell(batch, [error] * len(batch))
                return
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
        else:
            _tell(batch, results)


def _tell(batch: Sequence[tuple[Any, asyncio.Future[Any]]], results: Sequence[Any]) -> None:
    for (_, future), result in zip(batch, results, strict=True):
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
