"""Jobs as rows: pure, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from hodei_domain.jobs.clocks import next_deadline
from hodei_domain.jobs.job import ACTIVE, Job, JobState
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import JobId

from hodei_infrastructure.postgres.documents import (
    SpecTexts,
    attempt_document,
    progress_document,
    read_attempt,
    read_progress,
    read_result,
    read_wish,
    result_document,
    wish_document,
)
from hodei_infrastructure.postgres.session import Row

# In the order in which job_of() takes them.
_COLUMNS = (
    "id",
    "state",
    "version",
    "attempt",
    "created_at",
    "changed_at",
    "queued_at",
    "started_at",
    "completed_at",
    "not_before",
    "queued_by",
    "turn",
    "failures",
    "losses",
    "held",
    "correlation_id",
    "idempotency_key",
    "fingerprint",
    "rerun_of",
    "result",
    "current_attempt",
    "cancel_wish",
    "progress",
)
JOB = ", ".join(f"j.{column}" for column in _COLUMNS) + ", s.spec"
JOINED = "jobs j JOIN job_specs s ON s.job_id = j.id"
_STATES = {state.value: state for state in JobState}


def job_of(row: Row, specs: SpecTexts) -> Job:
    """The job of a row of JOB."""
    (
        id,
        state,
        version,
        attempt,
        created_at,
        changed_at,
        queued_at,
        started_at,
        completed_at,
        not_before,
        queued_by,
        turn,
        failures,
        losses,
        held,
        correlation_id,
        idempotency_key,
        fingerprint,
        rerun_of,
        result,
        current,
        wish,
        progress,
        spec,
    ) = row
    return Job(
        id=JobId(id),
        spec=specs.read(spec),
        state=_STATES[state],
        version=version,
        attempt=attempt,
        current=read_attempt(current),
        created_at=created_at,
        changed_at=changed_at,
        queued_at=queued_at,
        started_at=started_at,
        completed_at=completed_at,
        queued_by=queued_by,
        correlation_id=correlation_id,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        result=read_result(result),
        cancel_wish=read_wish(wish),
        progress=read_progress(progress),
        failures=failures,
        losses=losses,
        held=held,
        not_before=not_before,
        rerun_of=rerun_of,
        turn=turn,
    )


# What json_to_recordset makes of row_of(). `base`, `queued`, `active` and the attempt's own fields are no
# columns of jobs: they steer what else is written.
ROW_COLUMNS = """base integer, queued boolean, active boolean, demand_class text, spec json,
    id uuid, state text, version integer, attempt integer,
    created_at timestamptz, changed_at timestamptz, queued_at timestamptz, started_at timestamptz,
    completed_at timestamptz, not_before timestamptz, deadline_at timestamptz, deadline_clock text,
    name text, queued_by text, priority smallint, turn bigint, failures integer, losses integer, held boolean,
    correlation_id text, idempotency_key text, fingerprint text, rerun_of uuid,
    result json, current_attempt json, cancel_wish json, progress json,
    worker_id uuid, assigned_at timestamptz, attempt_started_at timestamptz, attempt_ended_at timestamptz,
    exit_code integer, reason text"""


def row_of(change: Change[Job], specs: SpecTexts) -> dict[str, Any]:
    """All that save() needs of a change, JSON-ready; what never changes goes with a new job only."""
    job = change.after
    deadline = next_deadline(job)
    row: dict[str, Any] = {
        "base": change.base,
        "queued": job.is_queued,
        "active": job.state in ACTIVE,
        "id": job.id,
        "state": job.state,
        "version": job.version,
        "attempt": job.attempt,
        "changed_at": job.changed_at,
        "queued_at": job.queued_at,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "not_before": job.not_before,
        "failures": job.failures,
        "losses": job.losses,
        "held": job.held,
        "result": result_document(job.result),
        "cancel_wish": wish_document(job.cancel_wish),
        "progress": progress_document(job.progress),
    }
    if deadline is not None:
        row |= {"deadline_at": deadline.at, "deadline_clock": deadline.clock}
    if job.is_queued:
        row |= _place_of(job)
    if job.current is not None:
        row |= _attempt_of(job)
    return row | _fixed(job, specs) if change.is_new else row


def _place_of(job: Job) -> dict[str, Any]:
    return {
        "demand_class": job.demand.key,
        "queued_by": job.queued_by,
        "priority": job.spec.priority,
        "turn": job.turn,
    }


def _attempt_of(job: Job) -> dict[str, Any]:
    attempt = job.current
    assert attempt is not None
    result = attempt.result
    return {
        "current_attempt": attempt_document(attempt),
        "worker_id": attempt.worker_id,
        "assigned_at": attempt.assigned_at,
        "attempt_started_at": attempt.started_at,
        "attempt_ended_at": attempt.ended_at,
        "exit_code": None if result is None else result.exit_code,
        "reason": None if result is None else str(result.reason),
    }


def _fixed(job: Job, specs: SpecTexts) -> dict[str, Any]:
    return {
        "created_at": job.created_at,
        "name": job.spec.name,
        "queued_by": job.queued_by,
        "priority": job.spec.priority,
        "turn": job.turn,
        "correlation_id": job.correlation_id,
        "idempotency_key": job.idempotency_key,
        "fingerprint": job.fingerprint,
        "rerun_of": job.rerun_of,
        "spec": msgspec.Raw(specs.write(job.spec)),
    }


def jobs_by_id(rows: Sequence[Row], specs: SpecTexts) -> dict[JobId, Job]:
    """The jobs of rows of JOB, by id."""
    jobs = (job_of(row, specs) for row in rows)
    return {job.id: job for job in jobs}
