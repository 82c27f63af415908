"""Wire messages to records: plain dicts with stable keys, the same for tables, JSON and YAML. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import (
        AuditLogEntry,
        AvailableWorker,
        GetJobResponse,
        JobDefinition,
        JobExecution,
        JobLogEntry,
        JobSummary,
        Orphan,
        ProviderListing,
        QueueStatus,
        WorkerView,
    )
    from hodei_proto.wire.hodei.providers import Pool, PoolRules, ProviderConfig

Record = dict[str, Any]

# Job states as they are called everywhere but on the wire, by the number of the wire's JobStatus.
STATES = ("PENDING", "PENDING", "SCHEDULED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT")
# When an image is fetched, in Docker's words, by the number of the wire's ImagePullPolicy.
PULLS = ("missing", "always", "never")
LOST = ("retry", "fail", "hold")
# What the rules of a pool may say.
RULES = ("max_workers", "min_idle", "idle_ttl", "max_lifetime", "max_jobs", "drain_within")
MIB = 1024 * 1024
OVER = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT"})


def job_row(job: JobSummary) -> Record:
    """A job in a list."""
    return {
        "id": _value(job.job_id),
        "name": job.name,
        "state": job.state,
        "exit_code": job.exit_code,
        "reason": job.reason or ("held" if job.held else None),
        "queued_by": job.queued_by or None,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "duration": job.duration,
        "progress": progress(job.progress_percentage),
    }


def row_of(record: Record) -> Record:
    """A job in a list, from everything about it."""
    started, completed = record["started_at"], record["completed_at"]
    row = {
        key: record[key] for key in ("id", "name", "state", "exit_code", "reason", "queued_by", "created_at")
    }
    took = completed - started if started is not None and completed is not None else None
    return {
        **row,
        "started_at": started,
        "completed_at": completed,
        "duration": took,
        "progress": record["progress"],
    }


def job_record(response: GetJobResponse) -> Record:
    """Everything about one job."""
    job = response.job
    assert job is not None  # the server always sends what was submitted
    return {
        "id": _value(job.job_id),
        "name": job.name,
        "description": job.description or None,
        "state": response.state,
        "exit_code": response.exit_code,
        "signal": response.signal or None,
        "reason": response.reason or None,
        "message": response.message or None,
        "waiting_for": {each.provider or "all": each.reason for each in response.pending_reasons},
        "cancel_requested": response.cancel_requested or None,
        "command": command_line(job),
        "environment": dict(job.environment),
        "working_dir": job.working_dir or None,
        "image": job.image or None,
        "pull": _word(PULLS, int(job.pull)) if job.image else None,
        "user": job.user or None,
        "entrypoint": job.entrypoint or None,
        "retries": max(job.retry.max_attempts - 1, 0) if job.retry is not None else 0,
        "on_worker_lost": _word(LOST, int(job.on_worker_lost)),
        "labels": dict(job.labels),
        "tags": list(job.tags),
        "queued_by": response.queued_by or None,
        "correlation_id": response.correlation_id or None,
        "rerun_of": job.rerun_of or None,
        "worker": response.worker_id or None,
        "attempt": response.attempt,
        "progress": progress(response.progress_percentage),
        "progress_stage": response.progress_stage or None,
        "progress_message": response.progress_message or None,
        "created_at": response.created_at,
        "started_at": response.started_at,
        "completed_at": response.completed_at,
        "attempts": [attempt(each) for each in response.executions],
    }


def attempt(execution: JobExecution) -> Record:
    """One attempt at a job."""
    return {
        "attempt": execution.attempt,
        "worker": _value(execution.worker_id),
        "state": execution.state.name.removeprefix("EXECUTION_STATE_") if execution.state.name else None,
        "exit_code": execution.exit_status,
        "signal": execution.signal or None,
        "reason": execution.reason or None,
        "message": execution.error_message or None,
        "limits": execution.metadata.get("limits"),
        "assigned_at": execution.assigned_at,
        "started_at": execution.start_time,
        "ended_at": execution.end_time,
    }


def command_line(job: JobDefinition) -> str:
    """What the job runs, as one would type it; of a script its interpreter and size."""
    import shlex

    if job.script is not None:
        lines = job.script.content.count("\n") + 1
        return f"{job.script.interpreter} script of {lines} lines"
    return shlex.join([job.command, *job.arguments]) if job.arguments else job.command


def worker_row(worker: WorkerView) -> Record:
    """A worker, in a list or alone."""
    return {
        "id": worker.id,
        "state": worker.state,
        "provider": worker.provider or None,
        "hostname": worker.hostname or None,
        "architecture": worker.architecture or None,
        "job": worker.current_job_id or None,
        "jobs_done": worker.jobs_done,
        "max_jobs": worker.max_jobs or None,
        "image": worker.image or None,
        "pull": _word(PULLS, int(worker.pull)) if worker.image else None,
        "connected": worker.connected,
        "cpu_cores": worker.cpu_cores or None,
        "memory_bytes": worker.memory_bytes or None,
        "labels": dict(worker.labels),
        "created_at": worker.created_at,
        "last_heartbeat": worker.last_heartbeat,
        "idle_since": worker.idle_since,
        "idle_until": worker.idle_until,
        "replaced_at": worker.replaced_at,
        "drain_by": worker.drain_by,
        "reason": worker.reason or None,
    }


def provider_row(provider: ProviderListing) -> Record:
    """A provider, in a list or alone."""
    return {
        "id": provider.id,
        "name": provider.name,
        "type": provider.type,
        "enabled": provider.enabled,
        "status": provider.status,
        "active_workers": provider.active_workers,
        "max_workers": provider.max_workers,
        "message": provider.message or None,
    }


def pools_record(provider: ProviderConfig) -> Record:
    """Where a provider is, what it costs, and the rules for its pools of workers: for each, and for some."""
    return {
        "region": provider.region or None,
        "labels": dict(provider.labels.labels) if provider.labels else {},
        "cost_per_hour": provider.cost_per_hour,
        "pool": rules_record(provider.pool),
        "pools": {pool_name(each): rules_record(each.rules) for each in provider.pools},
    }


def pool_name(pool: Pool) -> str:
    """What tells a pool from the others: its image, and the resources if it is for those only."""
    asked = pool.resources
    parts = [pool.image or "default image"]
    if asked is not None:
        parts += [f"{asked.cpu_cores:g} cores"] if asked.cpu_cores else []
        parts += [f"{asked.memory_bytes // MIB} MiB"] if asked.memory_bytes else []
        parts += [f"{asked.disk_bytes // MIB} MiB disk"] if asked.disk_bytes else []
        parts += [f"{asked.gpu_count} gpu"] if asked.gpu_count else []
        parts += [asked.architecture] if asked.architecture else []
    return ", ".join(parts)


def rules_record(rules: PoolRules | None) -> Record:
    """What the rules of a pool say."""
    if rules is None:
        return {}
    said = {name: getattr(rules, name) for name in RULES}
    return {name: value for name, value in said.items() if value is not None}


def orphan_row(orphan: Orphan) -> Record:
    """Something at a provider that nobody wants."""
    return {
        "provider": orphan.provider,
        "worker": orphan.worker_id,
        "presence": orphan.presence,
        "started_at": orphan.started_at,
        "expires_at": orphan.expires_at,
        "why": orphan.why,
        "removed": orphan.removed,
        "foreign": orphan.foreign,
    }


def queue_record(status: QueueStatus) -> Record:
    """How many jobs are in which state."""
    return {
        "pending": status.pending_jobs,
        "running": status.running_jobs,
        "succeeded": status.completed_jobs,
        "failed": status.failed_jobs,
        "cancelled": status.cancelled_jobs,
        "as_of": status.last_updated,
    }


def available_row(worker: AvailableWorker) -> Record:
    """A worker that could take a job, and how the scheduler sees it."""
    info = worker.scheduling_info
    return {
        "id": _value(worker.worker_id),
        "status": (worker.status.name or "").partition("STATUS_")[2],
        "score": info.score if info else None,
        "why": list(info.reason) if info else [],
        "last_heartbeat": worker.last_heartbeat,
    }


def audit_row(entry: AuditLogEntry) -> Record:
    """One thing that happened."""
    return {
        "at": entry.occurred_at,
        "event": entry.event_type,
        "actor": entry.actor,
        "about": entry.correlation_id,
        "payload": _object(entry.payload_json),
        "id": entry.id,
    }


def timeline_row(entry: AuditLogEntry) -> Record:
    """One thing that happened to a job, in words."""
    payload = _object(entry.payload_json)
    return {
        "at": entry.occurred_at,
        "event": entry.event_type,
        "what": _happened(entry.event_type, payload),
        "payload": payload,
    }


def _happened(event: str, told: Mapping[str, Any]) -> str:
    """What an event of a job says, in a few words; of an unknown one all that it tells."""
    match event:
        case "JobCreated":
            return _line(told.get("command") or told.get("interpreter"), _by(told.get("queued_by")))
        case "JobProvisioning":
            return _line(f"{told.get('provider')}:", told.get("stage"))
        case "JobAssigned":
            return f"attempt {told.get('attempt')}, worker {told.get('worker_id')}"
        case "JobStatusChanged":
            code = told.get("exit_code")
            end = told.get("reason") if code is None else f"exit code {code}"
            return _line(told.get("old_state"), "→", told.get("new_state"), end and f"({end})")
    return ", ".join(f"{key}={value}" for key, value in told.items() if key != "job_id" and value)


def _by(owner: Any) -> str:
    return f"(by {owner})" if owner else ""


def _line(*parts: Any) -> str:
    return " ".join(str(part) for part in parts if part)


def log_row(entry: JobLogEntry) -> Record:
    """A line of output."""
    return {
        "sequence": entry.sequence,
        "attempt": entry.attempt,
        "at": entry.timestamp,
        "stream": "stderr" if entry.is_stderr else "stdout",
        "level": entry.level or None,
        "line": entry.line,
        "partial": entry.partial,
        "lost_bytes": None if entry.removed else entry.gap_bytes or None,
        "removed_bytes": entry.gap_bytes if entry.removed else None,
    }


class Percent(int):
    """A number for programs, with its unit for people."""

    def __str__(self) -> str:
        return f"{int(self)} %"


def progress(percentage: int) -> Percent | None:
    """How far a job says it is; None if it says nothing."""
    return Percent(percentage) if percentage else None


def _word(words: Sequence[str], number: int) -> str:
    """The word for a number on the wire; a newer server may send numbers that have none here."""
    return words[number] if number < len(words) else str(number)


def _value(id: Any) -> str | None:
    """The text of one of the wire's wrapped ids."""
    return id.value or None if id is not None else None


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {"text": text}
    return found if isinstance(found, dict) else {"value": found}


def since(text: str, now: datetime) -> datetime:
    """A moment: ISO 8601, or a duration such as 2h before `now`. Raise ValueError if it is neither."""
    from hodei_cli.parse import duration

    try:
        return now - duration(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.astimezone()
