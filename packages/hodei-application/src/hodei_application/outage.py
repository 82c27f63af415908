"""Whether the store answers, as all parts of this process see it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from time import monotonic
from types import TracebackType

from attrs import define, field, frozen
from hodei_domain.kernel.errors import StoreBusy, StoreClash, StoreTakesNoWrites, StoreUnavailable

from hodei_application.ports import Transaction, UnitOfWork

log = logging.getLogger("hodei.loops")


SETTLED = 15.0
"""Seconds without a failure after which a store that took no writes takes them again. Reading goes on all the
time, and where a disk is full some writes succeed; every loop tries again within five seconds.
"""

BUSY_TOLD_EVERY = 60.0


@define(eq=False)
class Outage:
    """One line when the store goes and one when it is back, however many loops and calls notice it.

    A transaction that only did not get its locks is no outage: the store answers.
    """

    _monotonic: Callable[[], float] = monotonic
    _recovered: Callable[[], None] = lambda: None
    """Called when it answers again: what was committed although nobody heard of it is there to be found."""
    _begun: Callable[[], None] = lambda: None
    """Called when it stops to answer: another database may be about to take its place."""
    _since: float | None = field(default=None, init=False)
    _failed_at: float = field(default=float("-inf"), init=False)
    _busy_told_at: float = field(default=float("-inf"), init=False)
    _told: set[str] = field(factory=set, init=False)
    _can_be_read: bool = field(default=False, init=False)
    reason: str = field(default="", init=False)
    """What the last failure of the present outage said."""
    ended_at: float = field(default=float("-inf"), init=False)
    """When it recovered last; whoever judges silence must not count the outage."""

    @property
    def present(self) -> bool:
        """Whether the store does not answer, or takes no writes."""
        return self._since is not None

    def failed(self, error: BaseException) -> None:
        """A transaction could not be begun, carried on or committed."""
        now = self._monotonic()
        if isinstance(error, StoreBusy):
            self._tell_busy(error, now)
            return
        self._failed_at, self.reason = now, str(error)
        if self._since is None:
            self._since, self._told, self._can_be_read = now, set(), False
            self._begun()
        if isinstance(error, StoreTakesNoWrites):
            self._can_be_read = True
            self._tell(f"{self.reason[:1].upper()}{self.reason[1:]}; waiting for it")
        else:
            self._tell(f"The database does not answer, waiting for it: {self.reason}")

    def worked(self) -> None:
        """A transaction was committed."""
        if self._since is None:
            return
        now = self._monotonic()
        if self._can_be_read and now - self._failed_at < SETTLED:
            return  # it may only have read
        again = "takes writes" if self._can_be_read else "answers"
        log.warning("The database %s again after %.1f s", again, now - self._since)
        self.ended_at, self._since, self.reason = now, None, ""
        self._recovered()

    def _tell(self, text: str) -> None:
        if text not in self._told:  # each reason once
            self._told.add(text)
            log.warning("%s", text)

    def _tell_busy(self, error: StoreBusy, now: float) -> None:
        if not isinstance(error, StoreClash) and now - self._busy_told_at >= BUSY_TOLD_EVERY:
            self._busy_told_at = now
            log.warning("A transaction was given up and is tried again: %s", error)


@frozen
class Watched:
    """A unit of work that tells of its outcome. Nobody else has to: not a loop that had nothing to ask just
    then.
    """

    begin: UnitOfWork
    outage: Outage

    def __call__(self) -> AbstractAsyncContextManager[Transaction]:
        return _Watching(self.begin(), self.outage)


@define(eq=False)
class _Watching(AbstractAsyncContextManager[Transaction]):
    _inner: AbstractAsyncContextManager[Transaction]
    _outage: Outage

    async def __aenter__(self) -> Transaction:
        try:
            return await self._inner.__aenter__()
        except StoreUnavailable as error:
            self._outage.failed(error)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            swallowed = await self._inner.__aexit__(kind, error, trace)
        except StoreUnavailable as broken:
            self._outage.failed(broken)
            raise
        if isinstance(error, StoreUnavailable):
            self._outage.failed(error)
        elif error is None:
            self._outage.worked()
        return swallowed
