"""Pages of lists: a limit, a cursor that says nothing to clients, and a link to the next page."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from hodei_domain.kernel.errors import InvalidInput
from litestar import Request
from litestar.params import QueryParameter

PAGE = 50
LARGEST = 500

Limit = Annotated[int, QueryParameter(ge=1, le=LARGEST, description="Entries of one page")]
Cursor = Annotated[
    str, QueryParameter(max_length=512, description="From the link to the next page; means nothing by itself")
]


def wrap(cursor: str) -> str:
    """A cursor for clients."""
    return base64.urlsafe_b64encode(cursor.encode()).rstrip(b"=").decode()


def unwrap(cursor: str) -> str:
    """Back from wrap(). Raise InvalidInput."""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        raise InvalidInput("is not a cursor", field="cursor") from None


Instant = Annotated[
    str | None,
    QueryParameter(max_length=64, schema_extra={"format": "date-time"}, description="With Z or an offset"),
]


def instant(text: str | None, field: str) -> datetime | None:
    """An instant of a query. Raise InvalidInput."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))  # a plus that was not escaped
    except ValueError:
        raise InvalidInput("is no instant; write it as 2026-01-31T12:00:00Z", field=field) from None
    if at.tzinfo is None:
        raise InvalidInput("needs Z or an offset, as in 2026-01-31T12:00:00Z", field=field)
    return at


def next_link(request: Request[Any, Any, Any], cursor: str | None) -> dict[str, str]:
    """The header that names the next page; none after the last."""
    if cursor is None:
        return {}
    asked = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
    query = urlencode([*asked, ("cursor", wrap(cursor))])
    return {"Link": f'<{request.url.path}?{query}>; rel="next"'}
