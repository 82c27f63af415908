"""What the audit room needs from a store."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from hodei_domain.audit.record import AuditFilter, AuditNews, AuditPage, AuditQuery, AuditRecord, AuditSlice
from hodei_domain.kernel.events import Event


class AuditTrail(Protocol):
    """Events, written once and never changed. The stores of aggregates write theirs here by themselves."""

    async def record(self, events: Sequence[Event]) -> None:
        """Write events that belong to no aggregate's change, in this transaction."""
        ...

    async def list(self, filter: AuditFilter) -> AuditPage:
        """A page, newest first (occurred_at, then id)."""
        ...

    async def slice(self, query: AuditQuery) -> AuditSlice:
        """The newest records before a place, without counting; what is written meanwhile moves nothing.

        Raises InvalidInput for a cursor that is not one.
        """
        ...

    async def news(self, since: str | None, limit: int) -> AuditNews:
        """What was committed since a mark, however long ago it occurred; without one, only the mark of now.

        A record that the transaction of a mark could see is not in the news of that mark, every other is: who
        goes on from mark to mark hears of each record once, on whichever replica.
        """
        ...

    async def by_correlation(self, correlation_id: str, limit: int = 1000) -> Sequence[AuditRecord]:
        """All of one aggregate or one caller's correlation id, oldest first."""
        ...

    async def counts(self, start: datetime | None = None, end: datetime | None = None) -> Mapping[str, int]:
        """How many of each type; types without any are absent."""
        ...

    async def prune(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` of those that occurred before, oldest first; returns how many."""
        ...
