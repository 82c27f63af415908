"""Jobs and their attempts, as clients see them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from hodei_domain.jobs.attempt import Attempt
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.order import newest_that_fit
from hodei_domain.jobs.result import JobResult
from hodei_domain.jobs.spec import JobSpec, OnWorkerLost, PullPolicy, Script
from hodei_domain.jobs.state import JobState
from hodei_domain.kernel.values import Resources
from hodei_domain.scheduling.why import PendingReason
from hodei_proto.wire import hodei as wire

MIB = 1024 * 1024
_NOTHING = timedelta(0)
_EXECUTION = 500  # bytes of an attempt without its message

STATUSES = {
    JobState.PENDING: wire.JobStatus.PENDING,
    JobState.SCHEDULED: wire.JobStatus.ASSIGNED,
    JobState.RUNNING: wire.JobStatus.RUNNING,
    JobState.SUCCEEDED: wire.JobStatus.COMPLETED,
    JobState.FAILED: wire.JobStatus.FAILED,
    JobState.CANCELLED: wire.JobStatus.CANCELLED,
    JobState.TIMEOUT: wire.JobStatus.TIMEOUT,
}
STATES = {status: state for state, status in STATUSES.items()} | {wire.JobStatus.QUEUED: JobState.PENDING}
STATUS_WORDS = {
    state: {JobState.SCHEDULED: "ASSIGNED", JobState.SUCCEEDED: "COMPLETED"}.get(state, state.value)
    for state in JobState
}
_LOST = {
    OnWorkerLost.RETRY: wire.WorkerLostPolicy.RETRY,
    OnWorkerLost.FAIL: wire.WorkerLostPolicy.FAIL,
    OnWorkerLost.HOLD: wire.WorkerLostPolicy.HOLD,
}
PULLS = {
    PullPolicy.IF_NOT_PRESENT: wire.ImagePullPolicy.IF_NOT_PRESENT,
    PullPolicy.ALWAYS: wire.ImagePullPolicy.ALWAYS,
    PullPolicy.NEVER: wire.ImagePullPolicy.NEVER,
}
_EXECUTION_STATES = {
    JobState.PENDING: wire.ExecutionState.FAILED,  # of an attempt that has ended, in a job that goes on
    JobState.SCHEDULED: wire.ExecutionState.STARTING,
    JobState.RUNNING: wire.ExecutionState.RUNNING,
    JobState.SUCCEEDED: wire.ExecutionState.COMPLETED,
    JobState.FAILED: wire.ExecutionState.FAILED,
    JobState.CANCELLED: wire.ExecutionState.CANCELLED,
    JobState.TIMEOUT: wire.ExecutionState.TIMEOUT,
}


def to_job_id(job: Job) -> wire.JobId:
    """The id of a job."""
    return wire.JobId(value=str(job.id))


def execution_id(job: Job, attempt: int) -> wire.ExecutionId:
    """The name of one attempt: job id, slash, number."""
    return wire.ExecutionId(value=f"{job.id}/{attempt}")


def to_definition(job: Job) -> wire.JobDefinition:
    """What was submitted, with defaults filled in."""
    spec = job.spec
    script = spec.command if isinstance(spec.command, Script) else None
    shell = None if isinstance(spec.command, Script) else spec.command
    return wire.JobDefinition(
        job_id=to_job_id(job),
        name=spec.name,
        description=spec.description,
        command=shell.command if shell else "",
        arguments=list(shell.arguments) if shell else [],
        script=_script(script) if script else None,
        environment=dict(spec.environment),
        requirements=_requirements(spec.resources),
        scheduling=wire.SchedulingInfo(priority=wire.PriorityLevel(int(spec.priority))),
        timeout=_timeout(spec),
        tags=list(spec.tags),
        image=spec.image,
        pull=PULLS[spec.pull],
        user=spec.user,
        entrypoint=spec.entrypoint,
        retry=_retry(spec),
        on_worker_lost=_LOST[spec.on_worker_lost],
        provider=spec.provider,
        region=spec.region,
        preferred_provider=spec.preferred_provider,
        preferred_region=spec.preferred_region,
        constraints=[
            wire.Constraint(key=each.key, operator=each.operator.value, values=list(each.values))
            for each in spec.constraints
        ],
        labels=dict(spec.labels),
        max_budget=spec.max_budget or 0.0,
        architecture=spec.resources.architecture,
        idempotency_key=job.idempotency_key or "",
        working_dir=spec.working_dir,
        submit_dir=spec.submit_dir,
        submit_host=spec.submit_host,
        stdin=spec.stdin,
        live_input=spec.live_input,
        drop_logs=spec.drop_logs,
        rerun_of=str(job.rerun_of) if job.rerun_of else "",
    )


def _script(script: Script) -> wire.ScriptCommand:
    return wire.ScriptCommand(
        interpreter=script.interpreter, content=script.content, not_strict=not script.strict
    )


def _requirements(asked: Resources) -> wire.ResourceRequirements | None:
    if not (asked.cpu_cores or asked.memory_mib or asked.storage_mib or asked.gpu):
        return None
    return wire.ResourceRequirements(
        cpu_cores=asked.cpu_cores,
        memory_bytes=asked.memory_mib * MIB,
        disk_bytes=asked.storage_mib * MIB,
        gpu_count=asked.gpu,
    )


def _timeout(spec: JobSpec) -> wire.TimeoutConfig:
    clocks = spec.clocks
    whole = clocks.execution is not None and not clocks.execution.microseconds
    return wire.TimeoutConfig(
        execution_timeout=clocks.execution,
        cleanup_timeout=clocks.grace,
        seconds=int(clocks.execution.total_seconds()) if clocks.execution is not None and whole else None,
        queue_timeout=clocks.queue,
        no_output_timeout=clocks.no_output,
        total_timeout=clocks.total,
    )


def _retry(spec: JobSpec) -> wire.RetryPolicy:
    rules = spec.retry
    return wire.RetryPolicy(
        max_attempts=rules.max_attempts,
        initial_backoff=rules.initial,
        max_backoff=rules.maximum,
        on_exit_codes=sorted(rules.exit_codes),
        on_signals=sorted(rules.signals),
        on_reasons=sorted(rules.reasons),
    )


def to_details(
    job: Job, attempts: Iterable[Attempt] = (), waits_for: Iterable[PendingReason] = ()
) -> wire.GetJobResponse:
    """Everything known of a job, and why it waits if it does."""
    result, progress = job.result or JobResult(reason=""), job.progress
    return wire.GetJobResponse(
        job=to_definition(job),
        status=STATUSES[job.state],
        executions=_executions(job, attempts),
        state=job.state.value,
        reason=result.reason,
        message=result.message,
        queued_by=job.queued_by,
        correlation_id=job.correlation_id or "",
        created_at=job.created_at,
        started_at=job.started_at,
        completed_at=job.completed_at,
        exit_code=result.exit_code,
        attempt=job.attempt,
        progress_percentage=_percentage(job),
        progress_stage=progress.stage if progress else "",
        progress_message=progress.message if progress else "",
        pending_reasons=[
            wire.PendingReason(
                provider=each.provider, reason=each.reason, lasting=each.lasting, slow=each.slow
            )
            for each in waits_for
        ],
        signal=result.signal or 0,
        worker_id=worker_of(job),
        cancel_requested=job.cancel_wish is not None,
    )


def _executions(job: Job, attempts: Iterable[Attempt]) -> list[wire.JobExecution]:
    """The attempts by number; of very many the newest, as many as fit into the message beside the order."""
    told = [to_execution(job, each) for each in attempts]
    fit = newest_that_fit(_EXECUTION + 4 * len(each.error_message) for each in reversed(told))
    return told[len(told) - fit :]


def worker_of(job: Job) -> str:
    """The worker of the newest attempt, also after its end; empty before the first."""
    return str(job.current.worker_id) if job.current else ""


def to_execution(job: Job, attempt: Attempt) -> wire.JobExecution:
    """One attempt of a job."""
    result = attempt.result
    code = result.exit_code if result else None
    state = _attempt_state(job, attempt)
    return wire.JobExecution(
        execution_id=execution_id(job, attempt.number),
        job_id=to_job_id(job),
        worker_id=wire.WorkerId(value=str(attempt.worker_id)),
        state=state,
        job_status=STATUSES[job.state],
        start_time=attempt.started_at,
        end_time=attempt.ended_at,
        retry_count=attempt.number - 1,
        exit_code="" if code is None else str(code),
        error_message=result.message if result else "",
        metadata={"limits": attempt.limits} if attempt.limits else {},
        attempt=attempt.number,
        reason=result.reason if result else "",
        signal=(result.signal or 0) if result else 0,
        assigned_at=attempt.assigned_at,
        exit_status=code,
    )


def _attempt_state(job: Job, attempt: Attempt) -> wire.ExecutionState:
    result = attempt.result
    if result is None:
        return _EXECUTION_STATES[JobState.RUNNING if attempt.started_at else JobState.SCHEDULED]
    if attempt.number == job.attempt:
        return _EXECUTION_STATES[job.state]
    return _EXECUTION_STATES[JobState.TIMEOUT if result.is_timeout else JobState.FAILED]


def to_status(job: Job) -> wire.GetJobStatusResponse:
    """The state of a job in one plain word, and what scripts ask beside it."""
    result = job.result or JobResult(reason="")
    return wire.GetJobStatusResponse(
        job_id=to_job_id(job),
        status=STATUS_WORDS[job.state],
        exit_code=result.exit_code,
        reason=result.reason,
        worker_id=worker_of(job),
        message=result.message,
        created_at=job.created_at,
        started_at=job.started_at,
        completed_at=job.completed_at,
        attempt=job.attempt,
    )


def _percentage(job: Job) -> int:
    if job.state is JobState.SUCCEEDED:
        return 100
    return job.progress.percentage if job.progress else 0


def to_summary(job: Job, now: datetime) -> wire.JobSummary:
    """A job in a list. Its duration runs until `now` while it is not over."""
    result = job.result or JobResult(reason="")
    return wire.JobSummary(
        job_id=to_job_id(job),
        name=job.spec.name,
        status=STATUSES[job.state],
        created_at=job.created_at,
        started_at=job.started_at,
        completed_at=job.completed_at,
        duration=max((job.completed_at or now) - job.started_at, _NOTHING) if job.started_at else None,
        progress_percentage=_percentage(job),
        state=job.state.value,
        queued_by=job.queued_by,
        exit_code=result.exit_code,
        reason=result.reason,
        held=job.held,
    )
