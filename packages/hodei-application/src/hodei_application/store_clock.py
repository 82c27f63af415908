"""The store's clock, by which everything here goes, whatever the clocks of machines say."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, field

from hodei_application.ports import Clock, Transaction

log = logging.getLogger("hodei.scheduling")

SET = timedelta(seconds=2)
"""By so much at least it was set, or stood still with its machine, rather than drifted."""

EVERY = 30.0
"""Seconds between two looks, where there is no occasion for one."""

NOTICED = timedelta(seconds=5)
"""A difference to this machine's clock that people are told of."""


@define(eq=False)
class StoreClock:
    """Call it for the time. Between two looks it goes on with this machine's monotonic clock, so that it does
    not matter if somebody sets the other one; before the first look that other one must do.

    A look knows the time only to within its own way there and back, and corrects no more than that proves.
    """

    _wall: Clock
    _monotonic: Callable[[], float]
    _zero: datetime | None = field(default=None, init=False)  # when the monotonic clock was at 0
    _looked_at: float = field(default=float("-inf"), init=False)
    set_at: float = field(default=float("-inf"), init=False)
    """When it was last seen to have been set, by the monotonic clock."""

    def __call__(self) -> datetime:
        if self._zero is None:
            return self._wall()
        return self._zero + timedelta(seconds=self._monotonic())

    @property
    def is_due(self) -> bool:
        """Whether the last look was long ago."""
        return self._monotonic() - self._looked_at >= EVERY

    async def look(self, tx: Transaction) -> None:
        """Ask the store, and go by what it says."""
        before = self._monotonic()
        at = await tx.leases.clock()
        self._looked_at = after = self._monotonic()
        earliest, latest = at - timedelta(seconds=after), at - timedelta(seconds=before)
        if self._zero is None:
            self._zero = earliest + (latest - earliest) / 2
            self._compare()
            return
        step = min(max(self._zero, earliest), latest) - self._zero
        self._zero += step
        if abs(step) >= SET:
            self.set_at = after
            log.warning(
                "The database's clock was set by %+.0f s; for a while no worker's silence is held against it",
                step.total_seconds(),
            )

    def _compare(self) -> None:
        ahead = self._wall() - self()
        if abs(ahead) >= NOTICED:
            log.warning(
                "The clock of this machine is %+.0f s off the database's, and the database's counts",
                ahead.total_seconds(),
            )
