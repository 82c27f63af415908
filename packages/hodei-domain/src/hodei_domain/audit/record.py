"""What is kept of an event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import field, frozen

from hodei_domain.kernel.checks import check_texts, text, whole
from hodei_domain.kernel.converters import texts
from hodei_domain.kernel.cursors import Place, cursor_of, read_place


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

    @property
    def cursor(self) -> str:
        """Where it stands in the order of the trail."""
        return cursor_of(self.occurred_at, self.id)


@frozen(kw_only=True)
class AuditNews:
    """Records that came to be seen after a mark, oldest first, and the mark of now, to go on from.

    A mark is the store's own word for all that was committed when it looked. `missed` says that there are
    more than were asked for, or that the mark is none of this store's: then there are no records.
    """

    records: list[AuditRecord]
    mark: str
    missed: bool = False

    @classmethod
    def of(cls, records: list[AuditRecord], mark: str, limit: int, *, missed: bool = False) -> "AuditNews":
        """At most `limit` of these, in order."""
        if missed or len(records) > limit:
            return cls(records=[], mark=mark, missed=True)
        return cls(records=sorted(records, key=lambda r: (r.occurred_at, r.id)), mark=mark)


def _check_types(_: Any, __: Any, types: tuple[str, ...]) -> None:
    check_texts(types, "event_type", 64, 256)


@frozen(kw_only=True)
class AuditFilter:
    """Which records to list. What is empty holds for all; `start` is included, `end` is not."""

    event_types: tuple[str, ...] = field(default=(), converter=texts, validator=_check_types)
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


@frozen(kw_only=True)
class AuditQuery:
    """Which records to read on from a place. None and "" hold for all; `start` is included, `end` is not.

    `correlation_id` is that of an aggregate, or a caller's own. `cursor` is a slice's `next_cursor`.
    """

    event_type: str = field(default="", validator=text(256))
    actor: str = field(default="", validator=text(256))
    correlation_id: str = field(default="", validator=text(256))
    start: datetime | None = None
    end: datetime | None = None
    limit: int = field(default=50, validator=whole(1, 1000))
    cursor: str = field(default="", validator=text(256))

    @property
    def place(self) -> Place | None:
        """Instant and id after which to go on. Raises InvalidInput for a cursor that is not one."""
        return read_place(self.cursor) if self.cursor else None


@frozen(kw_only=True)
class AuditSlice:
    """Records, newest first, and where to go on; None after the last."""

    records: list[AuditRecord]
    next_cursor: str | None = None

    @classmethod
    def of(cls, records: list[AuditRecord], limit: int) -> "AuditSlice":
        """The first `limit` of these; that there are more says that there is a next slice."""
        kept = records[:limit]
        return cls(records=kept, next_cursor=kept[-1].cursor if len(records) > limit else None)
