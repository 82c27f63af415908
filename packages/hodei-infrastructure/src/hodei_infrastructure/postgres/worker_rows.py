"""Workers as rows: pure, both ways."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, LiteralString

from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import JobId, ProviderId, WorkerId
from hodei_domain.kernel.values import Capacity
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_infrastructure.postgres.documents import from_json, read_demand
from hodei_infrastructure.postgres.session import Row

CREATION: LiteralString = "id, provider_id, created_at, demand"
# Not last_heartbeat: that is the store's own to write.
MOVING: LiteralString = (
    "state, version, changed_at, registered_at, idle_since, expires_at, register_by, drain_by, ended_at, "
    "connected, job_id, attempt, jobs_done, name, hostname, architecture, agent_version, reason, "
    "cpu_cores, memory_mib, disk_mib, gpu, labels"
)
WORKER: LiteralString = f"last_heartbeat, {CREATION}, {MOVING}"
ROW_COLUMNS: LiteralString = """base integer, id uuid, provider_id uuid, created_at timestamptz, demand json,
    state text, version integer, changed_at timestamptz, registered_at timestamptz, idle_since timestamptz,
    expires_at timestamptz, register_by timestamptz, drain_by timestamptz, ended_at timestamptz,
    connected boolean, job_id uuid, attempt integer, jobs_done integer,
    name text, hostname text, architecture text, agent_version text, reason text,
    cpu_cores double precision, memory_mib bigint, disk_mib bigint, gpu integer, labels jsonb"""
_STATES = {state.value: state for state in WorkerState}


def row_of(change: Change[Worker]) -> dict[str, Any]:
    """All that save() needs of a change, JSON-ready."""
    worker = change.after
    row = {
        "base": change.base,
        "id": worker.id,
        "state": worker.state,
        "version": worker.version,
        "changed_at": worker.changed_at,
        "registered_at": worker.registered_at,
        "idle_since": worker.idle_since,
        "expires_at": worker.expires_at,
        "register_by": worker.register_by,
        "drain_by": worker.drain_by,
        "ended_at": worker.ended_at,
        "connected": worker.connected,
        "job_id": worker.job_id,
        "attempt": worker.attempt,
        "jobs_done": worker.jobs_done,
        "name": worker.name,
        "hostname": worker.hostname,
        "architecture": worker.architecture,
        "agent_version": worker.agent_version,
        "reason": worker.reason,
        "cpu_cores": worker.capacity.cpu_cores,
        "memory_mib": worker.capacity.memory_mib,
        "disk_mib": worker.capacity.disk_mib,
        "gpu": worker.capacity.gpu,
        "labels": dict(worker.labels),
    }
    if change.is_new:
        row |= {
            "provider_id": worker.provider_id,
            "created_at": worker.created_at,
            "demand": worker.demand.to_json(),
        }
    return row


def worker_of(row: Row) -> Worker:
    """The worker of a row of WORKER."""
    (
        last_heartbeat,
        id,
        provider_id,
        created_at,
        demand,
        state,
        version,
        changed_at,
        registered_at,
        idle_since,
        expires_at,
        register_by,
        drain_by,
        ended_at,
        connected,
        job_id,
        attempt,
        jobs_done,
        name,
        hostname,
        architecture,
        agent_version,
        reason,
        cpu_cores,
        memory_mib,
        disk_mib,
        gpu,
        labels,
    ) = row
    return Worker(
        id=WorkerId(id),
        provider_id=None if provider_id is None else ProviderId(provider_id),
        state=_STATES[state],
        version=version,
        demand=read_demand(demand),
        labels=_read_labels(labels),
        capacity=_capacity(cpu_cores, memory_mib, disk_mib, gpu),
        architecture=architecture,
        name=name,
        hostname=hostname,
        agent_version=agent_version,
        job_id=None if job_id is None else JobId(job_id),
        attempt=attempt,
        jobs_done=jobs_done,
        created_at=created_at,
        changed_at=changed_at,
        registered_at=registered_at,
        last_heartbeat=last_heartbeat,
        idle_since=idle_since,
        connected=connected,
        expires_at=expires_at,
        register_by=register_by,
        drain_by=drain_by,
        ended_at=ended_at,
        reason=reason,
    )


@lru_cache(maxsize=1024)
def _read_labels(text: bytes) -> dict[str, str]:
    labels: dict[str, str] = from_json(text)
    return labels


@lru_cache(maxsize=256)
def _capacity(cpu_cores: float, memory_mib: int, disk_mib: int, gpu: int) -> Capacity:
    return Capacity(cpu_cores=cpu_cores, memory_mib=memory_mib, disk_mib=disk_mib, gpu=gpu)
