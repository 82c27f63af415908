"""Whether the store answers, as all parts of this process see it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from time import monotonic
from types import TracebackType

from attrs import define, field, frozen
from hodei_domain.kernel.errors import StoreUnavailable

from hodei_application.ports import Transaction, UnitOfWork

log = logging.getLogger("hodei.loops")


@define(eq=False)
class Outage:
    """One line when the store goes and one when it is back, however many loops and calls notice it."""

    _monotonic: Callable[[], float] = monotonic
    _recovered: Callable[[], None] = lambda: None
    """Called when it answers again: what was committed although nobody heard of it is there to be found."""
    _since: float | None = field(default=None, init=False)
    ended_at: float = field(default=float("-inf"), init=False)
    """When it recovered last; whoever judges silence must not count the outage."""

    @property
    def present(self) -> bool:
        """Whether the last transaction failed for want of a store."""
        return self._since is not None

    def failed(self, error: BaseException) -> None:
        """A transaction could not be begun, carried on or committed."""
        if self._since is None:
            self._since = self._monotonic()
            log.warning("The store does not answer, waiting for it: %s", error)

    def worked(self) -> None:
        """A transaction was committed."""
        if self._since is not None:
            self.ended_at = self._monotonic()
            log.warning("The store answers again after %.1f s", self.ended_at - self._since)
            self._since = None
            self._recovered()


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
