"""The audit trail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

from attrs import define, field, frozen
from hodei_domain.audit.record import AuditFilter, AuditNews, AuditPage, AuditQuery, AuditRecord, AuditSlice
from hodei_domain.kernel.events import Event

from hodei_infrastructure.postgres.documents import from_json, to_json
from hodei_infrastructure.postgres.events import INSERT_EVENTS, event_rows
from hodei_infrastructure.postgres.session import Row, Session

_RECORD: LiteralString = "id, occurred_at, event_type, actor, correlation_id, caller_correlation_id, payload"
# First all of them, then their order: a planner that is told of both at once walks through all of history
# in order.
_BY_CORRELATION = f"""
WITH found AS MATERIALIZED (
    SELECT {_RECORD} FROM audit_logs WHERE correlation_id = %(id)s
    UNION ALL
    SELECT {_RECORD} FROM audit_logs WHERE caller_correlation_id = %(id)s AND correlation_id <> %(id)s
)
SELECT {_RECORD} FROM found ORDER BY occurred_at, id LIMIT %(limit)s
"""
_STORY: LiteralString = f"""(
    SELECT {_RECORD} FROM audit_logs WHERE correlation_id = %(story)s
    UNION ALL
    SELECT {_RECORD} FROM audit_logs WHERE caller_correlation_id = %(story)s AND correlation_id <> %(story)s
    OFFSET 0) AS story"""
# A mark is a snapshot. What it could not see was written by the transactions that were open then, or by later
# ones, whatever the times and ids of the records: these say nothing about the order of commits. Rows of a
# dump bring numbers of another cluster's transactions, which ours may come by: they are older than the floor.
_FLOOR: LiteralString = (
    "COALESCE((SELECT (document->>'since')::timestamptz FROM settings WHERE name = 'news'), '-infinity')"
)
_RAISE_FLOOR = f"""
INSERT INTO settings (name, document) SELECT 'news', jsonb_build_object('since', clock_timestamp())
WHERE EXISTS (
    SELECT FROM audit_logs WHERE written_in >= pg_snapshot_xmax(pg_current_snapshot())
        AND written_in <> COALESCE(pg_current_xact_id_if_assigned(), '0'::xid8) AND occurred_at >= {_FLOOR})
ON CONFLICT (name) DO UPDATE SET document = excluded.document
"""
_SINCE: LiteralString = "%(since)s::pg_snapshot"
_NEWS = f"""
SELECT pg_current_snapshot()::text, pg_snapshot_xmax({_SINCE}) > pg_snapshot_xmax(pg_current_snapshot()), n.*
FROM (VALUES (1)) AS look LEFT JOIN (
    (SELECT {_RECORD} FROM audit_logs
    WHERE written_in = ANY(ARRAY(SELECT pg_snapshot_xip({_SINCE}))) AND occurred_at >= {_FLOOR}
    LIMIT %(limit)s)
    UNION ALL
    (SELECT {_RECORD} FROM audit_logs
    WHERE written_in >= pg_snapshot_xmax({_SINCE}) AND written_in < pg_snapshot_xmax(pg_current_snapshot())
        AND occurred_at >= {_FLOOR}
    LIMIT %(limit)s)
) AS n ON true
"""
_MARK = "SELECT pg_current_snapshot()::text"
_SNAPSHOT = re.compile(r"(\d{1,18}):(\d{1,18}):((?:\d{1,18}(?:,\d{1,18})*)?)", re.ASCII)
_PRUNE = """
DELETE FROM audit_logs WHERE (occurred_at, id) IN (
    SELECT occurred_at, id FROM audit_logs WHERE occurred_at < %s ORDER BY occurred_at, id LIMIT %s)
"""


_COMMON = {"JobCreated", "JobAssigned", "JobStatusChanged"}


@define
class NewsFloor:
    """Whether this process has looked for records of another cluster, from which a dump was restored here."""

    is_certain: bool = False

    def settle(self) -> None:
        """It has."""
        self.is_certain = True


@frozen
class PostgresAuditTrail:
    """AuditTrail."""

    _session: Session
    _floor: NewsFloor = field(factory=NewsFloor)

    async def record(self, events: Sequence[Event]) -> None:
        """See AuditTrail."""
        if events:
            await self._session.run(INSERT_EVENTS, {"events": to_json(event_rows(events)).decode()})

    async def list(self, filter: AuditFilter) -> AuditPage:
        """See AuditTrail."""
        where, asked = _where(filter), _asked(filter.start, filter.end)
        asked |= {**_types(filter), "actor": filter.actor}
        total: int = await self._session.value(f"SELECT count(*) FROM audit_logs WHERE {where}", asked)
        rows = await self._session.rows(
            f"SELECT {_RECORD} FROM audit_logs WHERE {where} "
            "ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s",
            asked | {"limit": filter.limit, "offset": filter.offset},
        )
        return AuditPage(records=[_record(row) for row in rows], total=total)

    async def slice(self, query: AuditQuery) -> AuditSlice:
        """See AuditTrail."""
        place = query.place
        where = _where(query)
        if place is not None:
            where += " AND (occurred_at, id) < (%(at)s, %(id)s)"
        source: LiteralString = _STORY if query.correlation_id else "audit_logs"
        at, id = place or (None, None)
        rows = await self._session.rows(
            f"SELECT {_RECORD} FROM {source} WHERE {where} "
            "ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s",
            _asked(query.start, query.end)
            | {**_types(query), "actor": query.actor, "story": query.correlation_id}
            | {"at": at, "id": id, "limit": query.limit + 1},
        )
        return AuditSlice.of([_record(row) for row in rows], query.limit)

    async def news(self, since: str | None, limit: int) -> AuditNews:
        """See AuditTrail."""
        if not self._floor.is_certain:
            await self._session.run(_RAISE_FLOOR)
            self._session.after_commit(self._floor.settle)
        if since is None or not _is_snapshot(since):
            return AuditNews(records=[], mark=await self._session.value(_MARK), missed=since is not None)
        rows = await self._session.rows(_NEWS, {"since": since, "limit": limit + 1})
        mark, foreign = rows[0][:2]
        found = [_record(row[2:]) for row in rows if row[2] is not None]
        return AuditNews.of(found, mark, limit, missed=foreign)

    async def by_correlation(self, correlation_id: str, limit: int = 1000) -> Sequence[AuditRecord]:
        """See AuditTrail."""
        rows = await self._session.rows(_BY_CORRELATION, {"id": correlation_id, "limit": limit})
        return [_record(row) for row in rows]

    async def counts(self, start: datetime | None = None, end: datetime | None = None) -> Mapping[str, int]:
        """See AuditTrail."""
        where = _between(start, end)
        rows = await self._session.rows(
            f"SELECT event_type, count(*) FROM audit_logs WHERE {where} GROUP BY event_type",
            _asked(start, end),
        )
        return dict(rows)

    async def prune(self, before: datetime, limit: int) -> int:
        """See AuditTrail."""
        return await self._session.run(_PRUNE, (before, limit))


def _is_snapshot(text: str) -> bool:
    """Whether Postgres would take it for one; asking it would end the transaction."""
    found = _SNAPSHOT.fullmatch(text)
    if found is None:
        return False
    lowest, next, under_way = (
        int(found[1]),
        int(found[2]),
        [int(each) for each in found[3].split(",") if each],
    )
    return (
        0 < lowest <= next and under_way == sorted(under_way) and all(lowest <= n < next for n in under_way)
    )


def _between(start: datetime | None, end: datetime | None) -> LiteralString:
    found: LiteralString = "true"
    if start is not None:
        found += " AND occurred_at >= %(start)s"
    if end is not None:
        found += " AND occurred_at < %(end)s"
    return found


def _where(filter: AuditFilter | AuditQuery) -> LiteralString:
    found = _between(filter.start, filter.end)
    types = _types(filter)["types"]
    if types:
        # Of one type the rows are in order in the index.
        found += " AND event_type = %(type)s" if len(types) == 1 else " AND event_type = ANY(%(types)s)"
        if not _COMMON & set(types):
            # A plan that is made once must know that the index of rare types serves.
            found += " AND event_type NOT IN ('JobCreated', 'JobAssigned', 'JobStatusChanged')"
    if filter.actor:
        found += " AND actor = %(actor)s"
    return found


def _types(filter: AuditFilter | AuditQuery) -> dict[str, Any]:
    told = filter.event_types if isinstance(filter, AuditFilter) else (filter.event_type,)
    types = [each for each in told if each]
    return {"types": types, "type": types[0] if types else None}


def _asked(start: datetime | None, end: datetime | None) -> dict[str, Any]:
    return {"start": start, "end": end}


def _record(row: Row) -> AuditRecord:
    id, occurred_at, event_type, actor, correlation_id, caller, payload = row
    return AuditRecord(
        id=id,
        occurred_at=occurred_at,
        event_type=event_type,
        actor=actor,
        correlation_id=correlation_id,
        caller_correlation_id=caller,
        payload=from_json(payload),
    )
