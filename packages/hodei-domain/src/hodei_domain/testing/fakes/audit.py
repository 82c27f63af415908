"""The audit trail in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from attrs import frozen

from hodei_domain.audit.record import AuditFilter, AuditNews, AuditPage, AuditQuery, AuditRecord, AuditSlice
from hodei_domain.kernel.events import Event
from hodei_domain.testing.fakes.holder import OfTransaction

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


@frozen
class MemoryAuditTrail(OfTransaction):
    """AuditTrail."""

    async def record(self, events: Sequence[Event]) -> None:
        """See AuditTrail."""
        self.tables.record(tuple(events))

    async def list(self, filter: AuditFilter) -> AuditPage:
        """See AuditTrail."""
        found = [r for r in self._between(filter.start, filter.end) if _matches(r, filter)]
        found.sort(key=_age, reverse=True)
        return AuditPage(records=found[filter.offset : filter.offset + filter.limit], total=len(found))

    async def slice(self, query: AuditQuery) -> AuditSlice:
        """See AuditTrail."""
        place = query.place
        found = [
            r
            for r in self._between(query.start, query.end)
            if _matches(r, query)
            and query.correlation_id in ("", r.correlation_id, r.caller_correlation_id)
            and (place is None or _age(r) < place)
        ]
        found.sort(key=_age, reverse=True)
        return AuditSlice.of(found[: query.limit + 1], query.limit)

    async def news(self, since: str | None, limit: int) -> AuditNews:
        """See AuditTrail."""
        looks, rows = self.tables.looks, self.tables.audit.rows
        looks.append(frozenset(rows))
        mark = f"look-{len(looks) - 1}"
        if since is None:
            return AuditNews(records=[], mark=mark)
        seen = {f"look-{number}": ids for number, ids in enumerate(looks)}.get(since)
        found = [record for id, record in rows.items() if seen is not None and id not in seen]
        return AuditNews.of(found, mark, limit, missed=seen is None)

    async def by_correlation(self, correlation_id: str, limit: int = 1000) -> Sequence[AuditRecord]:
        """See AuditTrail."""
        rows = self.tables.audit.rows.values()
        found = [r for r in rows if correlation_id in (r.correlation_id, r.caller_correlation_id)]
        return sorted(found, key=_age)[:limit]

    async def counts(self, start: datetime | None = None, end: datetime | None = None) -> Mapping[str, int]:
        """See AuditTrail."""
        return Counter(record.event_type for record in self._between(start, end))

    async def prune(self, before: datetime, limit: int) -> int:
        """See AuditTrail."""
        old = sorted(self._between(None, before), key=_age)[:limit]
        for record in old:
            self.tables.audit.drop(record.id)
        return len(old)

    def _between(self, start: datetime | None, end: datetime | None) -> Sequence[AuditRecord]:
        first, last = start or _FIRST, end or _LAST
        return [r for r in self.tables.audit.rows.values() if first <= r.occurred_at < last]


def _matches(record: AuditRecord, filter: AuditFilter | AuditQuery) -> bool:
    types = filter.event_types if isinstance(filter, AuditFilter) else (filter.event_type,)
    return (not any(types) or record.event_type in types) and (
        not filter.actor or record.actor == filter.actor
    )


def _age(record: AuditRecord) -> tuple[datetime, UUID]:
    return (record.occurred_at, record.id)
