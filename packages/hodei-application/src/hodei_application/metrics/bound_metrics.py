"""Keeps what is stored of metrics small: the older, the coarser, until it goes."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen
from hodei_domain.metrics import tally, usage

from hodei_application.ports import Clock, UnitOfWork

AT_ONCE = 2_000
"""Rows of a step in one transaction, so that nobody waits for a large one."""


@frozen(kw_only=True)
class BoundMetrics:
    """What the leader does about it each minute."""

    begin: UnitOfWork
    now: Clock
    retention: timedelta
    usage_retention: timedelta

    async def __call__(self) -> None:
        while await self._round(self.now()):
            pass

    async def _round(self, now: datetime) -> bool:
        """All steps in one transaction, since there is little to do as a rule; whether there is more."""
        async with self.begin() as tx:
            done = [
                await tx.metrics.prune(now - self.retention, AT_ONCE),
                await tx.metrics.prune_usage(now - self.usage_retention, AT_ONCE),
            ]
            for narrow, wide, age in tally.FOLDS:
                done.append(await tx.metrics.fold(narrow, wide, _whole(now - age, wide), AT_ONCE))
            for narrow, wide, age in usage.FOLDS:
                done.append(await tx.metrics.fold_usage(narrow, wide, _whole(now - age, wide), AT_ONCE))
        return max(done) >= AT_ONCE


def _whole(at: datetime, width: timedelta) -> datetime:
    """The beginning of the step: what has not ended yet is not folded."""
    seconds = int(width.total_seconds())
    return at - timedelta(seconds=at.timestamp() % seconds)
