"""Where a page of a list ends: instant and id of its last entry, as a text that callers give back."""

from datetime import datetime
from uuid import UUID

from hodei_domain.kernel.errors import InvalidInput

Place = tuple[datetime, UUID]
"""Where an entry stands among others: the later instant wins, then the higher id."""


def cursor_of(at: datetime, id: UUID) -> str:
    """The place as a text."""
    return f"{at.isoformat()}/{id}"


def read_place(cursor: str) -> Place:
    """Back from cursor_of(). Raises InvalidInput."""
    text, _, id = cursor.partition("/")
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError("an instant without an offset")
        return at, UUID(id)
    except ValueError:
        raise InvalidInput("is not a cursor", field="cursor") from None
