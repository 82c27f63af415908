"""Forget jobs that are over."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from attrs import define, evolve, field, frozen
from hodei_domain.jobs.history import Held
from hodei_domain.kernel.checks import lasting, whole
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId

from hodei_application.ports import Clock, Transaction, UnitOfWork

log = logging.getLogger("hodei.janitor")

AT_ONCE = 500
"""Jobs of one transaction: a fraction of a second of the database's time."""

CHUNKS_AT_ONCE = 1_000
LONGEST_CALL_S = 5.0
FOR_EVER = timedelta(days=100 * 366)
_NUMBER = whole(0, 1 << 62)

GoesOn = Callable[[], bool]
"""Whether there is time for another transaction."""


async def until_few(
    begin: UnitOfWork, step: Callable[[Transaction], Awaitable[int]], full: int, goes_on: GoesOn
) -> int:
    """Repeat a step, each time in a transaction of its own, until it takes fewer than it may; how many."""
    total, taken = 0, full
    while taken >= full and goes_on():
        async with begin() as tx:
            taken = await step(tx)
        total += taken
    return total


async def drop_output(begin: UnitOfWork, jobs: list[JobId], goes_on: GoesOn) -> None:
    """All output of jobs that are over, in as many transactions as it takes."""
    await until_few(begin, lambda tx: tx.history.drop_output(jobs, CHUNKS_AT_ONCE), CHUNKS_AT_ONCE, goes_on)


def _maybe_number(instance: object, attribute: object, value: int | None) -> None:
    if value is not None:
        _NUMBER(instance, attribute, value)


@frozen(kw_only=True)
class Bounds:
    """What of the history is kept: what ended within `age`, and no more than the newest `jobs`. None is no
    bound.
    """

    age: timedelta | None = field(default=None, validator=lasting(FOR_EVER))
    jobs: int | None = field(default=None, validator=_maybe_number)

    def __bool__(self) -> bool:
        return self.age is not None or self.jobs is not None


@define(eq=False, kw_only=True)
class History:
    """Forgets jobs that are over with everything of theirs, and workers that are gone; the oldest first."""

    begin: UnitOfWork
    now: Clock

    async def beyond(self, bounds: Bounds) -> Held:
        """What would go."""
        before = self._before(bounds)
        async with self.begin() as tx:
            old = Held() if before is None else await tx.history.held(before)
            if bounds.jobs is None:
                return old
            return evolve(old, jobs=max(old.jobs, (await tx.history.held()).jobs - bounds.jobs))

    async def forget(self, bounds: Bounds, goes_on: GoesOn) -> Held:
        """Let it go while there is time; what went."""
        before, jobs, workers = self._before(bounds), 0, 0
        if before is not None:
            jobs += await self._forget_jobs(before, None, goes_on)
            workers = await until_few(
                self.begin, lambda tx: tx.history.forget_workers(before, AT_ONCE), AT_ONCE, goes_on
            )
        if bounds.jobs is not None:
            async with self.begin() as tx:
                excess = (await tx.history.held()).jobs - bounds.jobs
            jobs += await self._forget_jobs(None, excess, goes_on)
        if jobs or workers:
            log.info("Forgot %d jobs and %d workers that were kept for long enough", jobs, workers)
        return Held(jobs=jobs, workers=workers)

    def _before(self, bounds: Bounds) -> datetime | None:
        return None if bounds.age is None else self.now() - bounds.age

    async def _forget_jobs(self, before: datetime | None, most: int | None, goes_on: GoesOn) -> int:
        gone = 0
        while goes_on() and (most is None or gone < most):
            async with self.begin() as tx:
                jobs = await tx.history.ended(before, AT_ONCE if most is None else min(AT_ONCE, most - gone))
            if not jobs:
                break
            await drop_output(self.begin, jobs, goes_on)  # that of a loud job takes several transactions
            async with self.begin() as tx:
                went = await tx.history.forget(jobs)
            gone += went
            if not went:  # others hold them just now
                break
        return gone


@frozen(kw_only=True)
class Forgotten:
    """What went, or would; `more`: time was up before all of it had gone."""

    held: Held
    more: bool = False


@frozen(kw_only=True)
class ForgetHistory:
    """Forget history now, on somebody's word; without bounds of theirs by those that are set.

    One call takes some seconds at most: it is repeated while there is more. Raises InvalidInput where nothing
    says what is to go.
    """

    history: History
    monotonic: Callable[[], float]
    bounds: Bounds

    async def __call__(self, bounds: Bounds, *, dry_run: bool = False) -> Forgotten:
        asked = bounds or self.bounds
        if not asked:
            raise InvalidInput(
                "say what is kept, an age or a number of jobs: neither HODEI_HISTORY_RETENTION nor "
                "HODEI_HISTORY_MAX_JOBS is set",
                field="age",
            )
        if dry_run:
            return Forgotten(held=await self.history.beyond(asked))
        ends = self.monotonic() + LONGEST_CALL_S
        went = await self.history.forget(asked, lambda: self.monotonic() < ends)
        return Forgotten(held=went, more=self.monotonic() >= ends)
