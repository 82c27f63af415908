"""Events as they happen."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any

from attrs import frozen
from hodei_application.audit.audit_feed import Begun
from hodei_domain.audit.record import AuditRecord
from hodei_domain.kernel.errors import StoreUnavailable
from litestar import Controller, Request, get
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream
from msgspec import Struct

from hodei_rest.convert.platform import from_record
from hodei_rest.desk import Desk, TheDesk
from hodei_rest.streams import ALIVE, event_of, event_stream, until


class Hello(Struct, kw_only=True):
    """The stream begins, or went on after events that are not told: look at everything anew."""

    missed: bool


@frozen
class Wanted:
    """Conditions on events; empty ones hold for all."""

    kinds: frozenset[str]
    job: str
    worker: str

    def holds(self, record: AuditRecord) -> bool:
        """Whether this one is wanted."""
        return (
            (not self.kinds or record.event_type in self.kinds)
            and (not self.job or self.job in (record.correlation_id, record.payload.get("job_id")))
            and (not self.worker or self.worker in (record.correlation_id, record.payload.get("worker_id")))
        )


class Events(Controller):
    """Events as they happen."""

    path = "/api/v1/events"
    tags = ("Events",)

    @get(summary="Follow events", media_type="text/event-stream")
    async def follow(
        self,
        request: Request[Any, Any, Any],
        desk: TheDesk,
        kinds: Annotated[list[str] | None, QueryParameter(name="type", max_items=64)] = None,
        job: Annotated[str, QueryParameter(max_length=64)] = "",
        worker: Annotated[str, QueryParameter(max_length=64)] = "",
        last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
    ) -> Stream:
        """Server-sent events: `hello` first, then each record of the audit trail as an event of its type.

        It is resumed by Last-Event-ID, and passes none over: after a long absence, or with an id that is not
        of this database, `hello` says that events were missed.
        """
        wanted = Wanted(frozenset(kinds or ()), job.lower(), worker.lower())
        return event_stream(_events(desk, wanted, last_event_id))


async def _events(desk: Desk, wanted: Wanted, last: str | None) -> AsyncGenerator[bytes, None]:
    # Without a store the stream ends, and whoever reads it comes back with the last id.
    with suppress(StoreUnavailable):
        async with aclosing(until(desk.stopping, desk.control.follow_audit(last))) as told:
            async for item in told:
                if item is None:
                    yield ALIVE
                elif isinstance(item, Begun):
                    yield event_of("hello", Hello(missed=item.missed), str(item.position))
                elif wanted.holds(item.record):
                    yield event_of(item.record.event_type, from_record(item.record), str(item.position))
