"""The audit trail."""

from __future__ import annotations

from typing import Annotated, Any

from hodei_domain.audit.record import AuditQuery
from litestar import Controller, Request, Response, get
from litestar.params import QueryParameter

from hodei_rest.answers import answer
from hodei_rest.convert.platform import from_record
from hodei_rest.desk import TheDesk
from hodei_rest.paging import PAGE, Cursor, Instant, Limit, instant, next_link, unwrap
from hodei_rest.schemas import platform as schema


class Audit(Controller):
    """The audit trail."""

    path = "/api/v1/audit-logs"
    tags = ("Audit",)

    @get(summary="List events, newest first")
    async def list_all(
        self,
        request: Request[Any, Any, Any],
        desk: TheDesk,
        kind: Annotated[str, QueryParameter(name="type", max_length=256)] = "",
        actor: Annotated[str, QueryParameter(max_length=256)] = "",
        correlation_id: Annotated[
            str, QueryParameter(max_length=256, description="What it happened to, or the caller's own")
        ] = "",
        after: Instant = None,
        before: Instant = None,
        limit: Limit = PAGE,
        cursor: Cursor = "",
    ) -> Response[list[schema.AuditRecord]]:
        """Pages are linked by the header `Link`."""
        page = await desk.control.read_audit(
            AuditQuery(
                event_type=kind,
                actor=actor,
                correlation_id=correlation_id,
                start=instant(after, "after"),
                end=instant(before, "before"),
                limit=limit,
                cursor=unwrap(cursor),
            )
        )
        return answer(
            request,
            [from_record(each) for each in page.records],
            headers=next_link(request, page.next_cursor),
        )
