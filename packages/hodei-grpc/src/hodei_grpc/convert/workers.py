"""Workers: what agents say of themselves, and what operators see."""

from hodei_application.workers.list_workers import WorkerView
from hodei_application.workers.register_worker import Registration
from hodei_application.workers.usage import Usage
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import WorkerId, parse_worker_id
from hodei_domain.kernel.values import Capacity
from hodei_domain.workers.spec import WorkerInfo
from hodei_domain.workers.worker import WorkerState
from hodei_proto.wire import hodei as wire

from hodei_grpc.convert.jobs import PULLS

MIB = 1024 * 1024

STATUSES = {
    WorkerState.CREATING: wire.WorkerStatus.WORKER_STATUS_REGISTERING,
    WorkerState.CONNECTING: wire.WorkerStatus.WORKER_STATUS_REGISTERING,
    WorkerState.READY: wire.WorkerStatus.WORKER_STATUS_AVAILABLE,
    WorkerState.BUSY: wire.WorkerStatus.JOB_STATUS_BUSY,
    WorkerState.DRAINING: wire.WorkerStatus.WORKER_STATUS_DRAINING,
    WorkerState.TERMINATING: wire.WorkerStatus.WORKER_STATUS_DRAINING,
    WorkerState.TERMINATED: wire.WorkerStatus.WORKER_STATUS_OFFLINE,
}


def required_worker(told: wire.WorkerId | None, field: str = "worker_id") -> WorkerId:
    """The worker id that a request must have. Raise InvalidInput."""
    if told is None or not told.value:
        raise InvalidInput("is missing", field=field)
    return parse_worker_id(told.value, f"{field}.value")


def to_registration(request: wire.RegisterWorkerRequest) -> Registration:
    """Who an agent says it is, and how it proves it."""
    info = request.worker_info or wire.WorkerInfo()
    claimed = info.worker_id.value if info.worker_id else ""
    return Registration(
        token=request.auth_token,
        session_id=request.session_id,
        worker_id=parse_worker_id(claimed, "worker_info.worker_id.value") if claimed else None,
        info=to_info(info),
    )


def to_info(info: wire.WorkerInfo) -> WorkerInfo:
    """What an agent says of its machine."""
    capacity = info.capacity or wire.ResourceCapacity()
    return WorkerInfo(
        name=info.name,
        hostname=info.hostname,
        architecture=info.architecture,
        agent_version=info.version,
        capacity=Capacity(
            cpu_cores=capacity.cpu_cores,
            memory_mib=capacity.memory_bytes // MIB,
            disk_mib=capacity.disk_bytes // MIB,
            gpu=capacity.gpu_count,
        ),
        labels=dict(info.labels),
    )


def to_view(view: WorkerView) -> wire.WorkerView:
    """A worker for operators."""
    worker, terms = view.worker, view.terms
    ours = worker.provider_id is not None  # those started by hand are not replaced
    idle = worker.idle_since
    return wire.WorkerView(
        id=str(worker.id),
        state=worker.state.value,
        provider=view.provider,
        hostname=worker.hostname,
        architecture=worker.architecture,
        labels=dict(worker.labels),
        current_job_id=str(worker.job_id) if worker.job_id else "",
        created_at=worker.created_at,
        last_heartbeat=worker.last_heartbeat,
        jobs_done=worker.jobs_done,
        connected=worker.connected,
        reason=worker.reason,
        cpu_cores=worker.capacity.cpu_cores,
        memory_bytes=worker.capacity.memory_mib * MIB,
        image=worker.demand.image,
        pull=PULLS[worker.demand.pull],
        idle_since=idle,
        idle_until=idle + terms.idle_ttl if idle is not None and ours else None,
        replaced_at=worker.created_at + terms.max_lifetime if ours and not worker.is_over else None,
        max_jobs=terms.max_jobs if ours else 0,
        drain_by=worker.drain_by,
        usage=None if view.usage is None else to_usage(view.usage),
    )


def to_usage(usage: Usage) -> wire.ResourceUsage:
    """What a worker says it uses, as it says it."""
    return wire.ResourceUsage(
        cpu_cores=usage.cpu_cores,
        memory_bytes=usage.memory_bytes,
        disk_bytes=usage.disk_written_bytes,
        gpu_count=usage.gpu,
        custom_usage={
            "disk_read_bytes": usage.disk_read_bytes,
            "network_received_bytes": usage.network_received_bytes,
            "network_sent_bytes": usage.network_sent_bytes,
        },
    )
