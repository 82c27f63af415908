"""Workers that could take a job, and the conditions on them."""

from __future__ import annotations

from hodei_application.scheduling.available_workers import AvailableWorker, WorkersWanted
from hodei_application.workers.usage import Usage
from hodei_domain.kernel.values import Resources
from hodei_domain.workers.worker import WorkerState
from hodei_proto.wire import hodei as wire

from hodei_grpc.convert.submissions import selected
from hodei_grpc.convert.workers import STATUSES

MIB = 1024 * 1024


def to_wanted(told: wire.WorkerFilterCriteria) -> WorkersWanted:
    """The conditions, as the scheduler understands them."""
    least = told.min_resources or wire.ResourceRequirements()
    return WorkersWanted(
        labels=dict(told.node_selector.node_labels) if told.node_selector else {},
        constraints=tuple(selected(told.label_selector)) if told.label_selector else (),
        resources=Resources(
            cpu_cores=least.cpu_cores,
            memory_mib=-(-least.memory_bytes // MIB),
            storage_mib=-(-least.disk_bytes // MIB),
            gpu=least.gpu_count,
        ),
        max_age=told.max_age,
        states=_states(told.required_status),
    )


def _states(status: wire.WorkerStatus) -> frozenset[WorkerState]:
    """An unset status reads as OFFLINE, which no available worker is."""
    if status is wire.WorkerStatus.WORKER_STATUS_OFFLINE:
        return frozenset({WorkerState.READY})
    return frozenset(state for state, number in STATUSES.items() if number is status)


def from_available(found: AvailableWorker) -> wire.AvailableWorker:
    """A worker, what it uses, how it ranks and why."""
    worker = found.view.worker
    worker_id = wire.WorkerId(value=str(worker.id))
    return wire.AvailableWorker(
        worker_id=worker_id,
        scheduling_info=wire.WorkerSchedulingInfo(
            worker_id=worker_id,
            node_selector=wire.NodeSelector(node_labels=dict(worker.labels)),
            score=found.score,
            reason=list(found.reasons),
        ),
        current_usage=_used(found.view.usage or Usage()),
        status=STATUSES[worker.state],
        last_heartbeat=worker.last_heartbeat,
    )


def _used(usage: Usage) -> wire.ResourceUsage:
    return wire.ResourceUsage(
        cpu_cores=usage.cpu_cores,
        memory_bytes=usage.memory_bytes,
        disk_bytes=usage.disk_written_bytes,
        gpu_count=usage.gpu,
    )
