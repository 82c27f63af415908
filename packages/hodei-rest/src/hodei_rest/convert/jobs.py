"""Jobs and their attempts, as clients see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hodei_domain.jobs.attempt import Attempt
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.state import JobState
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.scheduling.why import PendingReason

from hodei_rest.convert.specs import from_spec, priority_name, to_ms
from hodei_rest.schemas import jobs as schema

Places = Mapping[WorkerId, str]
"""The provider of each worker, by name."""

_NO_RESULT = JobResult(reason="")


def to_summary(job: Job, places: Places, now: datetime) -> schema.JobSummary:
    """A job in a list."""
    return schema.JobSummary(**_summary(job, places, now))


def to_job(
    job: Job,
    attempts: Sequence[Attempt],
    places: Places,
    now: datetime,
    reasons: Sequence[PendingReason] = (),
) -> schema.Job:
    """A job with all that is known of it."""
    return schema.Job(
        **_summary(job, places, now),
        spec=from_spec(job.spec),
        message=job.result.message if job.result is not None else "",
        correlation_id=job.correlation_id,
        rerun_of=None if job.rerun_of is None else str(job.rerun_of),
        attempts=[_attempt(job, each, places) for each in attempts],
        pending_reasons=[
            schema.PendingReason(provider=each.provider or None, reason=each.reason, lasting=each.lasting)
            for each in reasons
        ],
    )


def _summary(job: Job, places: Places, now: datetime) -> dict[str, Any]:
    result, spec, current = job.result or _NO_RESULT, job.spec, job.current
    return {
        "id": str(job.id),
        "name": spec.name,
        "state": job.state.value,
        "attempt": job.attempt,
        "exit_code": result.exit_code,
        "signal": result.signal,
        "reason": result.reason,
        "queued_by": job.queued_by,
        "image": spec.image,
        "provider": places.get(current.worker_id, "") if current is not None else spec.provider,
        "worker_id": str(current.worker_id) if current is not None else None,
        "labels": dict(spec.labels),
        "tags": list(spec.tags),
        "priority": priority_name(spec.priority),
        "held": job.held,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "duration_ms": _duration(job, now),
        "progress": _progress(job),
        "cancel_requested": job.cancel_wish is not None,
    }


def _duration(job: Job, now: datetime) -> int | None:
    if job.started_at is None:
        return None
    return max(to_ms((job.completed_at or now) - job.started_at), 0)


def _progress(job: Job) -> schema.Progress | None:
    told = job.progress
    if told is None:
        return None
    return schema.Progress(percentage=told.percentage, stage=told.stage, message=told.message)


def _attempt(job: Job, attempt: Attempt, places: Places) -> schema.Attempt:
    result = attempt.result or _NO_RESULT
    return schema.Attempt(
        number=attempt.number,
        state=_state(job, attempt),
        worker_id=str(attempt.worker_id),
        provider=places.get(attempt.worker_id, ""),
        assigned_at=attempt.assigned_at,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        exit_code=result.exit_code,
        signal=result.signal,
        reason=result.reason,
        message=result.message,
        limits=attempt.limits,
        cpu_seconds=result.cpu_seconds,
        peak_memory_mib=result.peak_memory_mib,
    )


def _state(job: Job, attempt: Attempt) -> schema.StateName:
    """Where an attempt stands, in the words for jobs."""
    result = attempt.result
    if result is None:
        state = JobState.RUNNING if attempt.started_at else JobState.SCHEDULED
    elif attempt.number == job.attempt and job.is_over:
        state = job.state
    elif result.reason == Reason.CANCELLED:
        state = JobState.CANCELLED
    else:
        state = JobState.TIMEOUT if result.is_timeout else JobState.FAILED
    return state.value


def workers_of(attempts: Sequence[Attempt]) -> set[WorkerId]:
    """The workers that attempts were made on."""
    return {each.worker_id for each in attempts}
