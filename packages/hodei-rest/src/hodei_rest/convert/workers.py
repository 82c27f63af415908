"""Workers, as clients see them."""

from __future__ import annotations

from hodei_application.workers.list_workers import WorkerView
from hodei_application.workers.usage import Usage

from hodei_rest.schemas import workers as schema


def from_view(view: WorkerView) -> schema.Worker:
    """A worker with what is known of it here."""
    worker = view.worker
    return schema.Worker(
        id=str(worker.id),
        name=worker.name,
        state=worker.state.value,
        provider=view.provider,
        hostname=worker.hostname,
        architecture=worker.architecture,
        agent_version=worker.agent_version,
        image=worker.demand.image,
        job_id=None if worker.job_id is None else str(worker.job_id),
        attempt=worker.attempt,
        jobs_done=worker.jobs_done,
        max_jobs=view.terms.max_jobs or None,
        connected=worker.connected,
        cpu_cores=worker.capacity.cpu_cores,
        memory_mib=worker.capacity.memory_mib,
        usage=None if view.usage is None else _usage(view.usage),
        labels=dict(worker.labels),
        created_at=worker.created_at,
        registered_at=worker.registered_at,
        last_heartbeat=worker.last_heartbeat,
        idle_since=worker.idle_since,
        drain_by=worker.drain_by,
        expires_at=worker.expires_at,
        ended_at=worker.ended_at,
        reason=worker.reason,
    )


def _usage(usage: Usage) -> schema.WorkerUsage:
    return schema.WorkerUsage(
        cpu_percent=usage.cpu_percent,
        memory_bytes=usage.memory_bytes,
        disk_bytes=usage.disk_written_bytes,
        disk_read_bytes=usage.disk_read_bytes,
        net_rx_bytes=usage.network_received_bytes,
        net_tx_bytes=usage.network_sent_bytes,
        gpu=usage.gpu,
    )
