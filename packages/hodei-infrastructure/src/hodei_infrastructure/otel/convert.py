"""From a job's move to the spans that it ends. Pure, and the same on each replica: so the parts of one trace
fit together although different replicas tell them, and nobody has to remember anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b

from attrs import field, frozen
from hodei_domain.jobs.attempt import Attempt
from hodei_domain.jobs.job import ACTIVE, OVER, Job, JobState
from hodei_domain.kernel.ids import JobId

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SPAN_BYTES = 8


@frozen
class Origin:
    """The trace that a job belongs to: its caller's, or one of its own."""

    trace_id: int
    parent_id: int | None = None
    sampled: bool = True


@frozen(kw_only=True)
class Span:
    """A part of a job's life. `parent` None is the caller, if there is one."""

    name: str
    span_id: int
    parent: int | None
    begin: datetime
    end: datetime
    failed: str | None = None  # why, of what did not go well
    attributes: dict[str, str | int] = field(factory=dict)


def origin_of(job: Job) -> Origin:
    """By the caller's `traceparent` (W3C), which is the correlation id where the caller names no other."""
    found = _TRACEPARENT.fullmatch(job.correlation_id or "")
    if found is None or not int(found[1], 16) or not int(found[2], 16):
        return Origin(job.id.int)
    return Origin(int(found[1], 16), int(found[2], 16), bool(int(found[3], 16) & 1))


def spans_of(job: Job) -> Iterator[Span]:
    """The spans that end with the move that the job has just made; none where it made no move."""
    attempt = job.current
    if job.state in OVER:
        if attempt is not None and attempt.result is job.result:
            yield from _end_of(job, attempt)
        yield _whole(job)
    elif attempt is None:
        return
    elif job.state is JobState.SCHEDULED and job.changed_at == attempt.assigned_at:
        yield _part(job, attempt, "queued", job.queued_at, attempt.assigned_at)
    elif job.state is JobState.RUNNING and attempt.started_at == job.changed_at:
        yield _part(job, attempt, "starting", attempt.assigned_at, attempt.started_at)
    elif job.state not in ACTIVE and attempt.ended_at == job.queued_at:
        yield from _end_of(job, attempt)


def _end_of(job: Job, attempt: Attempt) -> Iterator[Span]:
    if attempt.ended_at is None:
        return
    result = attempt.result
    failed = None if result is None or result.is_success else result.message or str(result.reason)
    if attempt.started_at is None:
        yield _part(job, attempt, "starting", attempt.assigned_at, attempt.ended_at, failed)
        return
    told: dict[str, str | int] = {} if result is None else {"hodei.reason": str(result.reason)}
    if result is not None and result.exit_code is not None:
        told["process.exit.code"] = result.exit_code
    yield _part(job, attempt, "running", attempt.started_at, attempt.ended_at, failed, told)


def _whole(job: Job) -> Span:
    assert job.completed_at is not None
    ill = job.state is not JobState.SUCCEEDED
    why = (job.result.message or str(job.result.reason)) if job.result is not None else job.state.value
    return Span(
        name="hodei.job",
        span_id=_id_of(job.id, "job"),
        parent=None,
        begin=job.created_at,
        end=job.completed_at,
        failed=why if ill else None,
        attributes={
            "hodei.job.id": str(job.id),
            "hodei.job.name": job.spec.name,
            "hodei.job.state": job.state.value,
            "hodei.job.attempts": job.attempt,
        },
    )


def _part(
    job: Job,
    attempt: Attempt,
    what: str,
    begin: datetime,
    end: datetime,
    failed: str | None = None,
    more: dict[str, str | int] | None = None,
) -> Span:
    return Span(
        name=f"hodei.{what}",
        span_id=_id_of(job.id, f"{what} {attempt.number}"),
        parent=_id_of(job.id, "job"),
        begin=begin,
        end=end,
        failed=failed,
        attributes={
            "hodei.job.id": str(job.id),
            "hodei.attempt": attempt.number,
            "hodei.worker.id": str(attempt.worker_id),
            **(more or {}),
        },
    )


def _id_of(job_id: JobId, what: str) -> int:
    digest = blake2b(job_id.bytes + what.encode(), digest_size=_SPAN_BYTES).digest()
    return int.from_bytes(digest, "big") or 1
