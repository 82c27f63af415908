"""Output of jobs: by pages, as a file, and live."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, cast

from hodei_application.logs.follow_logs import LogRequest
from hodei_application.logs.page_logs import PageQuery
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import parse_job_id
from hodei_domain.logs.chunk import STDERR, LogChunk, unpack_runs
from hodei_domain.logs.level import Level
from litestar import Controller, Request, Response, WebSocket, get, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.params import FromQuery, HeaderParameter, QueryParameter
from litestar.response import Stream

from hodei_rest.answers import answer
from hodei_rest.convert.logs import to_page
from hodei_rest.desk import Desk, Id, TheDesk
from hodei_rest.live_logs import ALIVE, frames, request_of
from hodei_rest.problems import encoded, of_refusal
from hodei_rest.schemas import logs as schema
from hodei_rest.streams import ALIVE as SILENCE
from hodei_rest.streams import event, event_stream, until

PAGE = 1000
LARGEST = 10_000
GOING_AWAY, REFUSED = 1001, 4000

AttemptNumber = Annotated[int | None, QueryParameter(ge=1, description="The newest if it is not given")]
Number = Annotated[int | None, QueryParameter(ge=0, lt=1 << 40)]


class Logs(Controller):
    """Output of jobs."""

    path = "/api/v1/jobs/{job_id:str}/logs"
    tags = ("Logs",)

    @get(summary="Read output, or follow it")
    async def read(
        self,
        request: Request[Any, Any, Any],
        desk: TheDesk,
        job_id: Id,
        attempt: AttemptNumber = None,
        stream: FromQuery[schema.StreamName | None] = None,
        after: Number = None,
        before: Number = None,
        tail: Annotated[int | None, QueryParameter(ge=1, le=LARGEST)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=LARGEST)] = PAGE,
        search: Annotated[str, QueryParameter(max_length=1024)] = "",
        level: Annotated[str, QueryParameter(pattern="(?i)^(error|warn|info|debug)?$")] = "",
        from_: Annotated[str | None, QueryParameter(name="from", description="ATTEMPT:SEQUENCE")] = None,
        last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
    ) -> Response[schema.LogPage]:
        """A page of stored lines of one attempt. With `Accept: text/event-stream` all attempts' lines as they
        come: events `lines` (LogBatch), `gap`, `attempt` and `end`, resumed by Last-Event-ID.
        """
        id = parse_job_id(job_id)
        if "text/event-stream" in request.headers.get("accept", ""):
            await desk.control.read_job(id)  # its absence is an answer, not the end of a stream
            asked = request_of(id, last_event_id or from_, tail)
            return cast("Response[schema.LogPage]", event_stream(_events(desk, asked)))
        query = PageQuery(
            job_id=id,
            attempt=attempt,
            limit=tail or limit,
            after=after or 0,
            before=before,
            tail=tail is not None,
            stderr=None if stream is None else stream == "stderr",
            level=Level(level.upper()) if level else None,
            search=search,
        )
        return answer(request, to_page(await desk.control.page_logs(query)))

    @get("/download", summary="Download output", media_type="text/plain")
    async def download(
        self,
        desk: TheDesk,
        job_id: Id,
        attempt: AttemptNumber = None,
        stream: FromQuery[schema.StreamName | None] = None,
    ) -> Stream:
        """The exact bytes that are stored of one attempt; of both streams in order of arrival, or of one."""
        id = parse_job_id(job_id)
        chunks = desk.control.read_output(id, attempt)
        first = await anext(chunks, None)  # so that what is refused is an answer
        name = f"{id}{f'.{attempt}' if attempt else ''}{f'.{stream}' if stream else ''}.log"
        return Stream(
            _bytes(desk, first, chunks, stream),
            media_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )

    @websocket("/live")
    async def live(
        self,
        socket: WebSocket[Any, Any, Any],
        desk: TheDesk,
        job_id: Id,
        from_: Annotated[str | None, QueryParameter(name="from")] = None,
        tail: Annotated[int | None, QueryParameter(ge=1, le=10_000_000)] = None,
    ) -> None:
        """Text frames with `type`: lines (LogBatch), gap, attempt, end."""
        await socket.accept()
        try:
            id = parse_job_id(job_id)
            await desk.control.read_job(id)
            asked = request_of(id, from_, tail)
        except HodeiError as refused:
            await socket.send_data(encoded(of_refusal(refused)).decode(), mode="text")
            await socket.close(REFUSED, refused.code)
            return
        try:
            await _send(desk, socket, asked)
        except (WebSocketDisconnect, OSError):  # the reader is gone
            return


async def _send(desk: Desk, socket: WebSocket[Any, Any, Any], asked: LogRequest) -> None:
    async with aclosing(frames(desk, asked)) as live:
        async for frame in live:
            await socket.send_data(frame.data, mode="text")
    if desk.stopping.is_set():
        await socket.close(GOING_AWAY, "the server is going down")
    else:
        await socket.close()


async def _events(desk: Desk, asked: LogRequest) -> AsyncGenerator[bytes, None]:
    async with aclosing(frames(desk, asked)) as live:
        async for frame in live:
            yield SILENCE if frame is ALIVE else event(frame.name, frame.data, frame.place)


async def _bytes(
    desk: Desk, first: LogChunk | None, rest: Any, stream: schema.StreamName | None
) -> AsyncGenerator[bytes, None]:
    if first is not None:
        yield _of_stream(first, stream)
    async for chunk in until(desk.stopping, rest):
        if chunk is not None:
            yield _of_stream(chunk, stream)


def _of_stream(chunk: LogChunk, stream: schema.StreamName | None) -> bytes:
    if stream is None:
        return chunk.data
    found, start = [], 0
    for run in unpack_runs(chunk.runs):
        if bool(run.flags & STDERR) is (stream == "stderr"):
            found.append(chunk.data[start : start + run.nbytes])
        start += run.nbytes
    return b"".join(found)
