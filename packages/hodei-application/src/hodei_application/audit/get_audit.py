"""Read the audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import frozen
from hodei_domain.audit.record import AuditFilter, AuditPage, AuditQuery, AuditRecord, AuditSlice

from hodei_application.ports import UnitOfWork


@frozen
class GetAudit:
    """A page of records, the newest first."""

    begin: UnitOfWork

    async def __call__(self, wanted: AuditFilter) -> AuditPage:
        async with self.begin() as tx:
            return await tx.audit.list(wanted)


@frozen
class ReadAudit:
    """Records from a place on, the newest first, without counting them all."""

    begin: UnitOfWork

    async def __call__(self, query: AuditQuery) -> AuditSlice:
        async with self.begin() as tx:
            return await tx.audit.slice(query)


@frozen
class GetAuditByCorrelation:
    """All records of one aggregate or one caller's correlation id, the oldest first."""

    begin: UnitOfWork

    async def __call__(self, correlation_id: str, *, limit: int = 1000) -> Sequence[AuditRecord]:
        async with self.begin() as tx:
            return await tx.audit.by_correlation(correlation_id, limit)


@frozen
class CountAudit:
    """How many records of each type, in a span of time or in all."""

    begin: UnitOfWork

    async def __call__(self, start: datetime | None = None, end: datetime | None = None) -> Mapping[str, int]:
        async with self.begin() as tx:
            return await tx.audit.counts(start, end)
