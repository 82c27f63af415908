"""What is kept of an event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import field, frozen

from hodei_domain.kernel.checks import text, whole


@frozen(kw_only=True)
class AuditRecord:
    """An event as it was written. `id` rises with the order of writing as far as the store can tell."""

    id: UUID
    occurred_at: datetime
    event_type: str
    actor: str | None
    correlation_id: str
    caller_correlation_id: str | None
    payload: Mapping[str, Any]


@frozen(kw_only=True)
class AuditFilter:
    """Which records to list. None and "" hold for all; `start` is included, `end` is not."""

    event_type: str = field(default="", validator=text(256))
    actor: str = field(default="", validator=text(256))
    start: datetime | None = None
    end: datetime | None = None
    limit: int = field(default=100, validator=whole(1, 1000))
    offset: int = field(default=0, validator=whole(0, 10_000_000))


@frozen(kw_only=True)
class AuditPage:
    """Records, newest first, and how many match in all."""

    records: list[AuditRecord]
    total: int

    def has_more(self, filter: AuditFilter) -> bool:
        """Whether records follow after this page."""
        return filter.offset + len(self.records) < self.total
