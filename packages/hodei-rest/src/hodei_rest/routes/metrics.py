"""How long jobs take, and what they use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Annotated, Any, cast

from hodei_application.metrics.watch_usage import SHORTEST
from hodei_domain.kernel.ids import JobId, parse_job_id
from hodei_domain.metrics.series import GRAPHS
from hodei_domain.metrics.usage import UsageFilter, UsageSample
from litestar import Controller, Request, Response, get
from litestar.params import FromQuery, QueryParameter

from hodei_rest.answers import answer
from hodei_rest.convert.metrics import to_lines, to_sample, to_summary
from hodei_rest.desk import Desk, Id, TheDesk
from hodei_rest.paging import Instant, instant
from hodei_rest.schemas import metrics as schema
from hodei_rest.streams import ALIVE, event, event_of, event_stream, until

Asked = Request[Any, Any, Any]
MOST_SAMPLES = 5000
SHORTEST_STEP_MS, LONGEST_STEP_MS = 60_000, 30 * 86_400_000


class Metrics(Controller):
    """Jobs as a whole."""

    path = "/api/v1/metrics"
    tags = ("Metrics",)

    @get("/summary", summary="Show a time at a glance")
    async def summary(
        self,
        request: Asked,
        desk: TheDesk,
        range_: Annotated[schema.RangeName, QueryParameter(name="range")] = "24h",
    ) -> Response[schema.MetricsSummary]:
        """How many jobs there were, how long they took, and what they used."""
        return answer(request, to_summary(await desk.control.metrics_summary(range_), range_))

    @get("/series", summary="Draw a graph")
    async def series(
        self,
        request: Asked,
        desk: TheDesk,
        name: Annotated[
            str, QueryParameter(max_length=64, description=f"One of {', '.join(GRAPHS)}")
        ] = "jobs.finished",
        range_: Annotated[schema.RangeName, QueryParameter(name="range")] = "24h",
        step_ms: Annotated[
            int | None,
            QueryParameter(
                ge=SHORTEST_STEP_MS, le=LONGEST_STEP_MS, description="What suits the range if it is not given"
            ),
        ] = None,
        by: FromQuery[schema.ByName | None] = None,
    ) -> Response[list[schema.SeriesLine]]:
        """One line, or one for each state or provider. Counts have a point for each step, times only where
        there were any.
        """
        step = None if step_ms is None else timedelta(milliseconds=step_ms)
        lines, _ = await desk.control.metrics_series(name, range_, step, by or "")
        return answer(request, to_lines(lines))


class Usage(Controller):
    """One job."""

    path = "/api/v1/jobs/{job_id:str}/usage"
    tags = ("Jobs",)

    @get(summary="Read what a job used, or watch it")
    async def usage(
        self,
        request: Asked,
        desk: TheDesk,
        job_id: Id,
        attempt: Annotated[int | None, QueryParameter(ge=1, description="All of them if not given")] = None,
        since: Instant = None,
        limit: Annotated[int, QueryParameter(ge=1, le=MOST_SAMPLES)] = 2000,
    ) -> Response[list[schema.UsageSample]]:
        """Samples, the oldest first, the newest `limit` of them. With `Accept: text/event-stream` each one as
        it is taken (event `usage`), once a second while the job runs, until it ends (event `end`).
        """
        start = instant(since, "since")
        id = parse_job_id(job_id)
        await desk.control.read_job(id)  # its absence is an answer
        if "text/event-stream" in request.headers.get("accept", ""):
            return cast("Response[list[schema.UsageSample]]", event_stream(_events(desk, id)))
        wanted = UsageFilter(job_id=id, attempt=attempt, since=start, limit=limit)
        return answer(request, [to_sample(each) for each in await desk.control.read_usage(wanted)])


async def _events(desk: Desk, job_id: JobId) -> AsyncGenerator[bytes, None]:
    async with aclosing(until(desk.stopping, _samples(desk, job_id))) as live:
        async for sample in live:
            yield ALIVE if sample is None else event_of("usage", to_sample(sample))
    if not desk.stopping.is_set():
        yield event("end", b"{}")


async def _samples(desk: Desk, job_id: JobId) -> AsyncGenerator[UsageSample, None]:
    """Until the job has ended."""
    over = asyncio.create_task(_end_of(desk, job_id), name=f"end of {job_id}")
    watched = desk.control.watch_usage(job_id=job_id, interval=SHORTEST)
    step: asyncio.Task[UsageSample] | None = None
    try:
        while True:
            step = step or asyncio.create_task(_next(watched))
            await asyncio.wait({step, over}, return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                over.result()
                return
            yield step.result()
            step = None
    finally:
        over.cancel()
        if step is not None:
            step.cancel()
            with suppress(asyncio.CancelledError):
                await step
        if isinstance(watched, AsyncGenerator):
            await watched.aclose()


async def _next(watched: AsyncIterator[UsageSample]) -> UsageSample:
    return await anext(watched)


async def _end_of(desk: Desk, job_id: JobId) -> None:
    async for job in desk.control.watch_job(job_id):
        if job.is_over:
            return
