"""Takes away what has been kept for long enough, in small transactions, so that nobody waits for long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, field, frozen
from hodei_domain.jobs.history import Place

from hodei_application.jobs.forget_history import (
    AT_ONCE,
    Bounds,
    GoesOn,
    History,
    drop_output,
    until_few,
)
from hodei_application.ports import Clock, UnitOfWork

ROWS_AT_ONCE = 5_000

A_DAY = timedelta(days=1)
"""For so long what ran out is kept: passwords, and demand classes, which each server believes in for an hour.
Servers of the release before do so for as long as they live, so nobody begins with that in the first day.
"""

PACES = (timedelta(seconds=10), timedelta(minutes=10))
LONGEST_LOOK_S = 10.0
SLACK = timedelta(minutes=10)
"""An end is stamped before it is committed: looking goes on so far before where it came to."""


@frozen(kw_only=True)
class Terms:
    """For how long, counted from the end, things are kept; None is for ever. `log_bytes` bounds the output of
    all jobs that are over.
    """

    audit: timedelta = timedelta(days=90)
    logs: timedelta | None = None
    log_bytes: int | None = None
    history: Bounds = field(factory=Bounds)

    @property
    def pace(self) -> timedelta:
        """Between two looks: a tenth of the shortest of these times, within bounds."""
        times = [each for each in (self.audit, self.logs, self.history.age) if each is not None]
        return max(PACES[0], min(min(times) / 10, PACES[1]))


@define(eq=False, kw_only=True)
class Retention:
    """What the leader does now and then about all that only grows. Instants are the database's.

    A look takes some seconds at most; where there is more, the next one follows at once.
    """

    begin: UnitOfWork
    now: Clock
    monotonic: Callable[[], float]
    terms: Terms
    history: History
    _began_at: float | None = field(default=None, init=False)
    _looks_at: float = field(default=float("-inf"), init=False)
    _weighed: Place | None = field(default=None, init=False)

    async def __call__(self) -> bool:
        """Look, if it is time to; whether it was."""
        at = self.monotonic()
        if at < self._looks_at:
            return False
        self._began_at = at if self._began_at is None else self._began_at
        goes_on: GoesOn = lambda: self.monotonic() < at + LONGEST_LOOK_S  # noqa: E731
        await self._look(self.now(), goes_on)
        self._looks_at = at + self.terms.pace.total_seconds() if goes_on() else at
        return True

    async def _look(self, now: datetime, goes_on: GoesOn) -> None:
        terms = self.terms
        await until_few(
            self.begin, lambda tx: tx.audit.prune(now - terms.audit, ROWS_AT_ONCE), ROWS_AT_ONCE, goes_on
        )
        if terms.logs is not None or terms.log_bytes is not None:
            await self._weigh(goes_on)
        if terms.logs is not None:
            await self._drop_old_output(now - terms.logs, goes_on)
        if terms.log_bytes is not None:
            await self._drop_excess_output(terms.log_bytes, goes_on)
        if terms.history:
            await self.history.forget(terms.history, goes_on)
        await self._forget_what_ran_out(now - A_DAY, goes_on)

    async def _weigh(self, goes_on: GoesOn) -> None:
        """Note the output of jobs that ended since the last look."""
        place = None if self._weighed is None else (self._weighed[0] - SLACK, self._weighed[1])
        while goes_on():
            async with self.begin() as tx:
                place = await tx.history.weigh(place, AT_ONCE)
            if place is None:
                break
            self._weighed = place

    async def _drop_old_output(self, before: datetime, goes_on: GoesOn) -> None:
        while goes_on():
            async with self.begin() as tx:
                old = await tx.history.outputs(before, AT_ONCE)
            if not old:
                break
            await drop_output(self.begin, [each.job_id for each in old], goes_on)

    async def _drop_excess_output(self, most: int, goes_on: GoesOn) -> None:
        """The output of those that ended first, until the rest fits."""
        async with self.begin() as tx:
            excess = await tx.history.output_bytes() - most
        while excess > 0 and goes_on():
            async with self.begin() as tx:
                oldest = await tx.history.outputs(None, AT_ONCE)
            going = []
            for each in oldest:
                if excess > 0:
                    going.append(each.job_id)
                    excess -= each.nbytes
            if not going:
                break
            await drop_output(self.begin, going, goes_on)

    async def _forget_what_ran_out(self, before: datetime, goes_on: GoesOn) -> None:
        """Passwords that nobody used, and demand classes that nobody asks for."""
        await until_few(
            self.begin, lambda tx: tx.history.forget_passwords(before, ROWS_AT_ONCE), ROWS_AT_ONCE, goes_on
        )
        if self._began_at is not None and self.monotonic() - self._began_at > A_DAY.total_seconds():
            await until_few(
                self.begin, lambda tx: tx.history.forget_classes(before, ROWS_AT_ONCE), ROWS_AT_ONCE, goes_on
            )
