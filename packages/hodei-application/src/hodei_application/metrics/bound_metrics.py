"""Keeps what is stored of metrics small: the older, the coarser, until it goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from attrs import frozen
from hodei_domain.metrics import tally, usage

from hodei_application.ports import Clock, Transaction, UnitOfWork

AT_ONCE = 2_000
"""Rows in one transaction, so that nobody waits for a large one."""

Step = Callable[[Transaction], Awaitable[int]]


@frozen(kw_only=True)
class BoundMetrics:
    """One round of the leader's."""

    begin: UnitOfWork
    now: Clock
    retention: timedelta
    usage_retention: timedelta

    async def __call__(self) -> None:
        now = self.now()
        await self._all(lambda tx: tx.metrics.prune(now - self.retention, AT_ONCE))
        await self._all(lambda tx: tx.metrics.prune_usage(now - self.usage_retention, AT_ONCE))
        for narrow, wide, age in tally.FOLDS:
            await self._all(_fold(narrow, wide, _whole(now - age, wide)))
        for narrow, wide, age in usage.FOLDS:
            await self._all(_fold_usage(narrow, wide, _whole(now - age, wide)))

    async def _all(self, step: Step) -> None:
        more = True
        while more:
            async with self.begin() as tx:
                more = await step(tx) >= AT_ONCE


def _fold(narrow: timedelta, wide: timedelta, before: datetime) -> Step:
    return lambda tx: tx.metrics.fold(narrow, wide, before, AT_ONCE)


def _fold_usage(narrow: timedelta, wide: timedelta, before: datetime) -> Step:
    return lambda tx: tx.metrics.fold_usage(narrow, wide, before, AT_ONCE)


def _whole(at: datetime, width: timedelta) -> datetime:
    """The beginning of the step: what has not ended yet is not folded."""
    seconds = int(width.total_seconds())
    return at - timedelta(seconds=at.timestamp() % seconds)
