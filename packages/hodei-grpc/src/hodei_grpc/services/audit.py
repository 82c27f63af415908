"""hodei.AuditService."""

import json

from attrs import frozen
from hodei_application.control_plane import ControlPlane
from hodei_domain.audit.record import AuditFilter, AuditRecord
from hodei_domain.kernel.checks import check_text
from hodei_domain.kernel.errors import InvalidInput
from hodei_proto.wire import hodei as wire

from hodei_grpc.servicers import Context

PAGE = 100
LONGEST_STORY = 10_000


@frozen
class Audit:
    """What happened, and who did it."""

    _control: ControlPlane

    async def get_audit_logs(
        self, request: wire.GetAuditLogsRequest, context: Context
    ) -> wire.GetAuditLogsResponse:
        """A page of events, newest first."""
        wanted = AuditFilter(
            event_types=_named(request.event_type, request.event_types),
            actor=request.actor or "",
            start=request.start_time,
            end=request.end_time,
            limit=request.limit or PAGE,
            offset=request.offset,
        )
        page = await self._control.get_audit(wanted)
        return wire.GetAuditLogsResponse(
            logs=[_entry(record) for record in page.records],
            total_count=page.total,
            has_more=page.has_more(wanted),
        )

    async def get_audit_logs_by_correlation(
        self, request: wire.GetAuditLogsByCorrelationRequest, context: Context
    ) -> wire.GetAuditLogsResponse:
        """All events of one job, worker or provider, or of one correlation id of a caller, oldest first."""
        if not request.correlation_id:
            raise InvalidInput("is missing", field="correlation_id")
        check_text(request.correlation_id, "correlation_id", 256)
        records = await self._control.audit_by_correlation(request.correlation_id, limit=LONGEST_STORY)
        return wire.GetAuditLogsResponse(
            logs=[_entry(record) for record in records],
            total_count=len(records),
            has_more=len(records) == LONGEST_STORY,
        )

    async def get_event_counts(
        self, request: wire.GetEventCountsRequest, context: Context
    ) -> wire.GetEventCountsResponse:
        """How many events of each type."""
        counts = await self._control.audit_counts(request.start_time, request.end_time)
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return wire.GetEventCountsResponse(
            counts=[wire.AuditEventTypeCount(event_type=name, count=count) for name, count in ordered],
            total_events=sum(counts.values()),
        )


def _named(one: str | None, many: list[str]) -> list[str]:
    """The types that a request asks for, in either of its fields."""
    return [*([one] if one else ()), *many]


def _entry(record: AuditRecord) -> wire.AuditLogEntry:
    payload = dict(record.payload)
    if record.caller_correlation_id:
        payload["caller_correlation_id"] = record.caller_correlation_id
    return wire.AuditLogEntry(
        id=str(record.id),
        correlation_id=record.correlation_id,
        event_type=record.event_type,
        payload_json=json.dumps(payload, ensure_ascii=False),
        occurred_at=record.occurred_at,
        actor=record.actor,
    )
