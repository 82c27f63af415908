"""Writes what was counted, off the way of the jobs."""

from __future__ import annotations

from attrs import define, field
from hodei_domain.kernel.errors import StoreUnavailable

from hodei_application.metrics.replica import Instruments
from hodei_application.metrics.tallies import Tallies
from hodei_application.metrics.usage_intake import UsageIntake
from hodei_application.ports import UnitOfWork

AT_ONCE = 2_000
"""Rows in one transaction, so that it is short."""


@define(eq=False, kw_only=True)
class RecordMetrics:
    """One round: two kinds of short transactions, and none where nothing was counted.

    When the store is away, tallies are dropped, since nobody knows whether they were added, and adding twice
    would be a lie; samples wait for the next round, as far as there is room. What is lost is counted.
    """

    begin: UnitOfWork
    tallies: Tallies
    usage: UsageIntake
    instruments: Instruments
    _told: int = field(default=0, init=False)

    async def __call__(self) -> None:
        self.usage.sum_up(self.tallies)
        try:
            await self._write_tallies()
            await self._write_samples()
        finally:
            self._tell_dropped()

    async def _write_tallies(self) -> None:
        waiting = sorted(self.tallies.take(), key=lambda tally: tally.key)
        written = 0
        try:
            while written < len(waiting):
                async with self.begin() as tx:
                    await tx.metrics.add(waiting[written : written + AT_ONCE])
                written += AT_ONCE
        except StoreUnavailable:
            self.tallies.dropped += len(waiting) - written
            raise

    async def _write_samples(self) -> None:
        waiting = self.usage.take()
        while waiting:
            try:
                async with self.begin() as tx:
                    await tx.metrics.add_usage(waiting[:AT_ONCE])
            except StoreUnavailable:
                self.usage.put_back(waiting)
                raise
            waiting = waiting[AT_ONCE:]

    def _tell_dropped(self) -> None:
        dropped = self.tallies.dropped + self.usage.dropped
        if dropped > self._told:
            self.instruments.metrics_dropped.add(dropped - self._told)
            self._told = dropped
