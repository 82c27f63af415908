"""Jobs: submit, list, show, cancel, run again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from hodei_application.jobs.submit_job import Submission
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.state import JobState
from hodei_domain.jobs.views import JobFilter
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import parse_job_id
from litestar import Controller, Request, Response, get, post
from litestar.params import HeaderParameter, JSONBody, QueryParameter

from hodei_rest.answers import answer
from hodei_rest.callers import caller_of
from hodei_rest.convert.jobs import to_job, to_summary, workers_of
from hodei_rest.convert.overrides import with_overrides
from hodei_rest.convert.overview import from_phase
from hodei_rest.convert.providers import to_ref
from hodei_rest.convert.specs import named, to_spec
from hodei_rest.desk import Desk, Id, TheDesk
from hodei_rest.gate import LARGEST_BODY
from hodei_rest.paging import PAGE, Cursor, Instant, Limit, instant, next_link, unwrap
from hodei_rest.schemas import jobs as schema
from hodei_rest.schemas.platform import Phase

Asked = Request[Any, Any, Any]
Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        max_length=256,
        description="The same twice under one key of an owner makes one job",
    ),
]


class Jobs(Controller):
    """Jobs."""

    path = "/api/v1/jobs"
    tags = ("Jobs",)

    @post(summary="Submit a job", status_code=201, request_max_body_size=LARGEST_BODY)
    async def submit(
        self,
        request: Asked,
        desk: TheDesk,
        data: JSONBody[schema.SubmitJob],
        idempotency_key: Key = None,
    ) -> Response[schema.Job]:
        """The answer comes after the job is stored: 201, or 200 for one that was there before."""
        caller = caller_of(request)
        with named(""):
            submission = Submission(
                spec=to_spec(data.spec),
                job_id=parse_job_id(data.id, "id") if data.id else None,
                idempotency_key=idempotency_key,
                queued_by=data.queued_by or caller.actor,
                correlation_id=data.correlation_id or caller.correlation_id,
            )
        with named():
            told = await desk.control.submit_job(submission)
        return await _stored(request, desk, told.job, created=not told.duplicate)

    @get(summary="List jobs, newest first")
    async def list_all(
        self,
        request: Asked,
        desk: TheDesk,
        states: Annotated[
            list[schema.StateName] | None, QueryParameter(name="state", description="One or more states")
        ] = None,
        name: Annotated[
            str,
            QueryParameter(
                max_length=256, description="A part of the name, or the beginning or end of the id"
            ),
        ] = "",
        owner: Annotated[str, QueryParameter(max_length=256, description="Who submitted it: queued_by")] = "",
        label: Annotated[
            list[str] | None, QueryParameter(max_items=16, description="KEY=VALUE; all must hold")
        ] = None,
        tag: Annotated[list[str] | None, QueryParameter(max_items=16, description="All must hold")] = None,
        provider: Annotated[
            str,
            QueryParameter(max_length=128, description="Where its newest attempt runs or ran"),
        ] = "",
        created_after: Instant = None,
        created_before: Instant = None,
        limit: Limit = PAGE,
        cursor: Cursor = "",
    ) -> Response[list[schema.JobSummary]]:
        """Pages are linked by the header `Link`; a job that comes in meanwhile moves nothing.

        With `name`, `provider` or a second label or tag a page looks at some ten thousand jobs at a time: it
        may be short, or empty, and have a next one all the same.
        """
        place = await desk.control.get_provider(to_ref(provider)) if provider else None
        wanted = JobFilter(
            states=frozenset(map(JobState, states or ())),
            search=name,
            queued_by=owner,
            labels=dict(map(_label, label or ())),
            tags=tuple(tag or ()),
            provider_id=None if place is None else place.provider.id,
            since=instant(created_after, "created_after"),
            until=instant(created_before, "created_before"),
            cursor=unwrap(cursor),
            limit=limit,
            counted=False,
        )
        page = await desk.control.list_jobs(wanted)
        return answer(request, await _listed(desk, page.jobs), headers=next_link(request, page.next_cursor))

    @get("/resolve", summary="Find the jobs that a reference may mean")
    async def resolve(
        self,
        request: Asked,
        desk: TheDesk,
        reference: Annotated[
            str,
            QueryParameter(
                min_length=1,
                max_length=256,
                description="An id, its beginning or its end (4 digits or more), a whole name, or @last",
            ),
        ],
        owner: Annotated[
            str, QueryParameter(max_length=256, description="Whose newest job @last is, if not yours")
        ] = "",
    ) -> Response[list[schema.JobSummary]]:
        """Newest first, at most 20; more than one means that the reference is ambiguous."""
        found = await desk.control.resolve_job(reference, queued_by=owner or caller_of(request).actor)
        return answer(request, await _listed(desk, found))

    @get("/{job_id:str}", summary="Show a job")
    async def show(self, request: Asked, desk: TheDesk, job_id: Id) -> Response[schema.Job]:
        """Everything known of a job, with all its attempts and why it waits if it does."""
        details = await desk.control.get_job(parse_job_id(job_id))
        places = await desk.control.places(workers_of(details.attempts))
        told = to_job(details.job, details.attempts, places, desk.now(), details.pending_reasons)
        return answer(request, told)

    @get("/{job_id:str}/timeline", summary="Show what a job spent its time on")
    async def timeline(self, request: Asked, desk: TheDesk, job_id: Id) -> Response[list[Phase]]:
        """Its phases in order, over all attempts."""
        phases = await desk.control.timeline(parse_job_id(job_id))
        return answer(request, [from_phase(each) for each in phases])

    @post("/{job_id:str}/cancel", summary="Cancel a job", status_code=200)
    async def cancel(
        self,
        request: Asked,
        desk: TheDesk,
        job_id: Id,
        data: JSONBody[schema.CancelJob | None] = None,
    ) -> Response[schema.Job]:
        """A queued job ends at once, a running one is told to stop. Cancelling twice is not an error."""
        job = await desk.control.cancel_job(
            parse_job_id(job_id), by=caller_of(request).actor, reason=data.reason if data else ""
        )
        return answer(request, await _shown(desk, job))

    @post("/{job_id:str}/retry", summary="Run a job again", status_code=201)
    async def retry(
        self,
        request: Asked,
        desk: TheDesk,
        job_id: Id,
        data: JSONBody[schema.RetryJob | None] = None,
        idempotency_key: Key = None,
    ) -> Response[schema.Job]:
        """A new job like the old one, which its `rerun_of` names; a held one is queued again (200)."""
        caller, asked = caller_of(request), data or schema.RetryJob()
        told = await desk.control.retry_job(
            parse_job_id(job_id),
            changed=lambda spec: with_overrides(spec, asked.overrides),
            queued_by=asked.queued_by or caller.actor,
            actor=caller.actor or None,
            correlation_id=asked.correlation_id or caller.correlation_id,
            idempotency_key=idempotency_key,
        )
        return await _stored(request, desk, told.job, created=not told.duplicate)


def _label(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise InvalidInput("is not KEY=VALUE", field="label")
    return key, value


async def _listed(desk: Desk, jobs: Sequence[Job]) -> list[schema.JobSummary]:
    attempts = [job.current for job in jobs if job.current is not None]
    places = await desk.control.places(workers_of(attempts))
    now = desk.now()
    return [to_summary(job, places, now) for job in jobs]


async def _shown(desk: Desk, job: Job) -> schema.Job:
    """A job as a move left it. Who wants all its attempts asks for it."""
    details = await desk.control.get_job(job.id)
    places = await desk.control.places(workers_of(details.attempts))
    return to_job(details.job, details.attempts, places, desk.now(), details.pending_reasons)


async def _stored(request: Asked, desk: Desk, job: Job, *, created: bool) -> Response[schema.Job]:
    attempts = [job.current] if job.current is not None else []
    places = await desk.control.places(workers_of(attempts))
    return answer(
        request,
        to_job(job, attempts, places, desk.now()),
        status=201 if created else 200,
        headers={"Location": f"/api/v1/jobs/{job.id}"},
    )
