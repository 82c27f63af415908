"""hodei.LogStreamService."""

from collections.abc import AsyncGenerator

from attrs import evolve, frozen
from hodei_application.control_plane import ControlPlane
from hodei_application.logs.follow_logs import LogRequest
from hodei_application.logs.get_logs import LogQuery
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import parse_job_id
from hodei_domain.logs.level import Level
from hodei_proto.wire import hodei as wire

from hodei_grpc.convert import logs as convert
from hodei_grpc.servicers import Context
from hodei_grpc.services.closing import closed_after

PAGE = 1000
LARGEST_PAGE = 10_000


@frozen
class LogStream:
    """Output of jobs, live and stored."""

    _control: ControlPlane

    async def subscribe_logs(
        self, request: wire.SubscribeLogsRequest, context: Context
    ) -> AsyncGenerator[wire.JobLogEntry, None]:
        """Line by line; ends when the job has ended and all its lines were sent."""
        async with closed_after(self._control.follow_logs(_request(request))) as chunks:
            async for chunk in chunks:
                for line in convert.to_lines(chunk):
                    yield line

    async def subscribe_log_chunks(
        self, request: wire.SubscribeLogsRequest, context: Context
    ) -> AsyncGenerator[wire.LogChunk, None]:
        """The same as it is stored, for clients that make lines themselves."""
        async with closed_after(self._control.follow_logs(_request(request))) as chunks:
            async for chunk in chunks:
                yield convert.from_chunk(chunk)

    async def get_logs(self, request: wire.GetLogsRequest, context: Context) -> wire.GetLogsResponse:
        """A page of stored lines."""
        limit = request.limit or PAGE
        if not 0 < limit <= LARGEST_PAGE:
            raise InvalidInput(f"must be from 1 to {LARGEST_PAGE}", field="limit")
        query = LogQuery(
            job_id=parse_job_id(request.job_id),
            limit=limit,
            since=_not_negative(request.since_sequence, "since_sequence"),
            level=_level(request.level),
            search=request.search,
        )
        page = await self._control.get_logs(query)
        while page.has_more and not page.lines:  # from no line at all nobody could go on
            page = await self._control.get_logs(evolve(query, since=page.next_since))
        return wire.GetLogsResponse(
            entries=[convert.to_line(request.job_id, each.entry, each.level) for each in page.lines],
            has_more=page.has_more,
        )


def _request(told: wire.SubscribeLogsRequest) -> LogRequest:
    """Without history, tail or starting point only what comes from now on is sent."""
    tail = _not_negative(told.tail_lines, "tail_lines")
    since = _not_negative(told.since_sequence, "since_sequence")
    offset = _not_negative(told.from_offset, "from_offset")
    return LogRequest(
        job_id=parse_job_id(told.job_id),
        history=told.include_history or bool(tail or since or offset),
        tail=tail,
        since=since,
        from_offset=offset or None,
        stored_only=told.stored_only,
    )


def _level(text: str) -> Level | None:
    if not text:
        return None
    try:
        return Level(text.upper())
    except ValueError:
        raise InvalidInput("is none of ERROR, WARN, INFO, DEBUG", field="level") from None


def _not_negative(number: int, field: str) -> int:
    if number < 0:
        raise InvalidInput("must not be negative", field=field)
    return number
