"""hodei.JobExecutionService."""

from collections.abc import AsyncGenerator, Callable
from datetime import datetime

from attrs import frozen
from hodei_application.control_plane import ControlPlane
from hodei_application.jobs.attempt_door import Output, parse_execution_id
from hodei_application.jobs.submit_job import Submitted
from hodei_domain.jobs.state import JobState
from hodei_domain.jobs.views import JobFilter
from hodei_domain.kernel.errors import HodeiError, InvalidInput
from hodei_domain.kernel.ids import JobId, parse_job_id
from hodei_proto.wire import hodei as wire

from hodei_grpc.caller import caller_of
from hodei_grpc.convert import jobs as convert
from hodei_grpc.convert.submissions import to_submission, wire_names
from hodei_grpc.convert.workers import required_worker
from hodei_grpc.servicers import Context
from hodei_grpc.services.closing import closed_after

PAGE = 50
CANCEL_TEXTS = {True: "cancelled", False: "the job is being stopped"}


def required_job(told: wire.JobId | None, field: str = "job_id") -> JobId:
    """The job id that a request must have. Raise InvalidInput."""
    if told is None or not told.value:
        raise InvalidInput("is missing", field=field)
    return parse_job_id(told.value, f"{field}.value")


@frozen
class JobExecution:
    """Submitting, watching and steering jobs."""

    _control: ControlPlane
    _now: Callable[[], datetime]

    async def queue_job(self, request: wire.QueueJobRequest, context: Context) -> wire.QueueJobResponse:
        """Accept a job; the answer comes after it is stored."""
        submission = to_submission(request, caller_of(context))
        with wire_names("job_definition"):
            return _queued(await self._control.submit_job(submission))

    async def queue_jobs(self, request: wire.QueueJobsRequest, context: Context) -> wire.QueueJobsResponse:
        """Accept many. What cannot be read refuses all; of the rest each has its own answer."""
        caller = caller_of(context)
        each = [
            to_submission(one, caller, f"requests[{number}].") for number, one in enumerate(request.requests)
        ]
        told = await self._control.submit_jobs(each)
        return wire.QueueJobsResponse(responses=[_answer(one) for one in told])

    async def get_job(self, request: wire.GetJobRequest, context: Context) -> wire.GetJobResponse:
        """Everything known of a job."""
        details = await self._control.get_job(required_job(request.job_id))
        return convert.to_details(details.job, details.attempts, details.pending_reasons)

    async def get_job_status(
        self, request: wire.GetJobStatusRequest, context: Context
    ) -> wire.GetJobStatusResponse:
        """The state of a job in one plain word."""
        details = await self._control.get_job(required_job(request.job_id))
        return convert.to_status(details.job)

    async def resolve_job(self, request: wire.ResolveJobRequest, context: Context) -> wire.ResolveJobResponse:
        """The jobs that a person may mean."""
        owner = request.queued_by or caller_of(context).actor or ""
        found = await self._control.resolve_job(request.reference, queued_by=owner)
        now = self._now()
        return wire.ResolveJobResponse(candidates=[convert.to_summary(job, now) for job in found])

    async def list_jobs(self, request: wire.ListJobsRequest, context: Context) -> wire.ListJobsResponse:
        """Jobs, newest first."""
        asked = [*request.statuses, *([] if request.status is None else [request.status])]
        with wire_names():
            wanted = JobFilter(
                states=frozenset(map(_state, asked)),
                search=request.search_term or "",
                queued_by=request.queued_by,
                cursor=request.cursor,
                limit=request.limit or PAGE,
                offset=request.offset,
            )
        page = await self._control.list_jobs(wanted)
        now = self._now()
        return wire.ListJobsResponse(
            jobs=[convert.to_summary(job, now) for job in page.jobs],
            total_count=page.total or 0,
            next_cursor=page.next_cursor or "",
        )

    async def watch_job(
        self, request: wire.GetJobRequest, context: Context
    ) -> AsyncGenerator[wire.GetJobResponse, None]:
        """First the job as it is, then each of its moves; ends after its end."""
        async with closed_after(self._control.watch_job(required_job(request.job_id))) as moves:
            async for job in moves:
                yield convert.to_details(job, (job.current,) if job.current else ())

    async def cancel_job(self, request: wire.CancelJobRequest, context: Context) -> wire.CancelJobResponse:
        """Stop a job. Cancelling twice is not an error."""
        job_id = _job_of(request.job_id, request.execution_id)
        caller = caller_of(context)
        job = await self._control.cancel_job(job_id, by=caller.actor or "", reason=request.reason)
        at = job.completed_at or (job.cancel_wish.asked_at if job.cancel_wish else self._now())
        return wire.CancelJobResponse(success=True, message=CANCEL_TEXTS[job.is_over], cancelled_at=at)

    async def retry_job(self, request: wire.RetryJobRequest, context: Context) -> wire.QueueJobResponse:
        """A new job like an old one; a held one is put back into the queue instead."""
        caller = caller_of(context)
        told = await self._control.retry_job(
            required_job(request.job_id),
            environment=dict(request.environment),
            queued_by=caller.actor or "",
            actor=caller.actor,
            correlation_id=caller.correlation_id,
            idempotency_key=request.idempotency_key or None,
        )
        return _queued(told)

    async def write_input(self, request: wire.WriteInputRequest, context: Context) -> wire.WriteInputResponse:
        """Send a piece of a live input to the process that reads it."""
        state = await self._control.write_input(
            required_job(request.job_id),
            attempt=request.attempt,
            offset=request.offset,
            data=request.data,
            end=request.end,
        )
        return wire.WriteInputResponse(attempt=state.attempt, offset=state.offset, closed=state.closed)

    async def assign_job(self, request: wire.AssignJobRequest, context: Context) -> wire.AssignJobResponse:
        """Give a queued job to a worker by hand."""
        job = await self._control.assign_job(required_job(request.job_id), required_worker(request.worker_id))
        return wire.AssignJobResponse(
            success=True,
            message="assigned",
            execution_id=convert.execution_id(job, job.attempt),
            assigned_at=job.changed_at,
        )

    async def start_job(self, request: wire.StartJobRequest, context: Context) -> wire.StartJobResponse:
        """An attempt's process runs, says an executor without a stream."""
        worker_id = required_worker(request.worker_id) if request.worker_id else None
        job = await self._control.start_job(
            _execution(request.execution_id), _maybe_job(request.job_id), worker_id
        )
        return wire.StartJobResponse(success=True, message="started", started_at=job.started_at)

    async def update_progress(
        self, request: wire.UpdateProgressRequest, context: Context
    ) -> wire.UpdateProgressResponse:
        """How far an attempt has come."""
        job = await self._control.update_progress(
            _execution(request.execution_id),
            _maybe_job(request.job_id),
            percentage=request.progress_percentage,
            stage=request.current_stage,
            message=request.message,
        )
        return wire.UpdateProgressResponse(success=True, message="noted", updated_at=job.changed_at)

    async def complete_job(
        self, request: wire.CompleteJobRequest, context: Context
    ) -> wire.CompleteJobResponse:
        """An attempt ended with an exit code."""
        job = await self._control.complete_job(
            _execution(request.execution_id),
            _maybe_job(request.job_id),
            exit_code=_exit_code(request.exit_code),
            message=request.error_output,
            output=Output(request.output, request.error_output),
        )
        return wire.CompleteJobResponse(
            success=True, message=job.state.value.lower(), completed_at=job.completed_at
        )

    async def fail_job(self, request: wire.FailJobRequest, context: Context) -> wire.FailJobResponse:
        """An attempt could not be carried through."""
        job = await self._control.fail_job(
            _execution(request.execution_id),
            _maybe_job(request.job_id),
            message=request.error_message,
            error_type=request.error_type,
            retryable=request.retryable,
        )
        return wire.FailJobResponse(success=True, message=job.state.value.lower(), failed_at=job.changed_at)

    async def execution_event_stream(
        self, request: wire.ExecutionId, context: Context
    ) -> AsyncGenerator[wire.JobExecution, None]:
        """The moves of one attempt; ends with it, or when a newer one has begun."""
        job_id, number = parse_execution_id(request.value)
        async with closed_after(self._control.watch_job(job_id)) as moves:
            async for job in moves:
                attempt = job.current
                if attempt is None or attempt.number < number:
                    continue
                if attempt.number > number:
                    return
                yield convert.to_execution(job, attempt)
                if attempt.ended_at is not None:
                    return


def _queued(told: Submitted) -> wire.QueueJobResponse:
    return wire.QueueJobResponse(
        success=True,
        message="known already" if told.duplicate else "queued",
        queued_at=told.job.created_at,
        job_id=convert.to_job_id(told.job),
        duplicate=told.duplicate,
    )


def _answer(told: Submitted | HodeiError) -> wire.QueueJobResponse:
    if isinstance(told, HodeiError):
        return wire.QueueJobResponse(success=False, message=f"{told.code}: {told.message}")
    return _queued(told)


def _state(status: wire.JobStatus) -> JobState:
    state = convert.STATES.get(status)
    if state is None:
        raise InvalidInput("is no status of a job", field="status")
    return state


def _maybe_job(told: wire.JobId | None) -> JobId | None:
    return required_job(told) if told is not None and told.value else None


def _job_of(told: wire.JobId | None, execution: wire.ExecutionId | None) -> JobId:
    """Existing clients name a job by either."""
    if (told is None or not told.value) and execution is not None and execution.value:
        return parse_execution_id(execution.value)[0]
    return required_job(told)


def _execution(told: wire.ExecutionId | None) -> str:
    if told is None or not told.value:
        raise InvalidInput("is missing", field="execution_id")
    return told.value


def _exit_code(text: str) -> int:
    try:
        return int(text or "0")
    except ValueError:
        raise InvalidInput("is not a number", field="exit_code") from None
