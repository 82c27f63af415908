"""hodei.SchedulerService."""

from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from attrs import evolve, frozen
from hodei_application.control_plane import ControlPlane
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.values import Resources
from hodei_domain.scheduling.config import SchedulerConfig, parse_provider_strategy, parse_worker_strategy
from hodei_domain.scheduling.decision import Decision
from hodei_proto.wire import hodei as wire

from hodei_grpc.caller import caller_of
from hodei_grpc.convert import jobs
from hodei_grpc.convert.available import from_available, to_wanted
from hodei_grpc.convert.submissions import to_submission, wire_names
from hodei_grpc.servicers import Context
from hodei_grpc.services.closing import closed_after
from hodei_grpc.services.jobs import required_job

MIB = 1024 * 1024


@frozen
class Scheduler:
    """Which worker gets which job, and why."""

    _control: ControlPlane
    _now: Callable[[], datetime]

    async def schedule_job(
        self, request: wire.ScheduleJobRequest, context: Context
    ) -> wire.ScheduleJobResponse:
        """Queue a job; the answer has the decision, unless the job has to wait for a worker."""
        queue = wire.QueueJobRequest(job_definition=request.job_definition, queued_by=request.requested_by)
        submission = to_submission(queue, caller_of(context))
        with wire_names("job_definition"):
            told = await self._control.schedule_job(submission)
        return wire.ScheduleJobResponse(
            success=True,
            message="queued" if told.decision is None else "assigned",
            job_id=jobs.to_job_id(told.job),
            decision=None if told.decision is None else await self._decision(told.decision),
            scheduled_at=told.job.created_at,
        )

    async def get_scheduling_decision(
        self, request: wire.GetSchedulingDecisionRequest, context: Context
    ) -> wire.GetSchedulingDecisionResponse:
        """The last decision about a job; none while it waits."""
        decision = await self._control.get_decision(required_job(request.job_id))
        return wire.GetSchedulingDecisionResponse(
            decision=None if decision is None else await self._decision(decision)
        )

    async def scheduling_decision_stream(
        self, request: wire.JobId, context: Context
    ) -> AsyncGenerator[wire.SchedulingDecision, None]:
        """Decisions about one job, or about all if none is named."""
        job_id = required_job(request) if request.value else None
        async with closed_after(self._control.decisions(job_id)) as decisions:
            async for decision in decisions:
                yield await self._decision(decision)

    async def _decision(self, decision: Decision) -> wire.SchedulingDecision:
        details = await self._control.get_job(decision.job_id)
        return _to_decision(decision, details.job)

    async def configure_scheduler(
        self, request: wire.ConfigureSchedulerRequest, context: Context
    ) -> wire.ConfigureSchedulerResponse:
        """Change how the scheduler chooses, from the next decision on."""
        if request.config is None:
            raise InvalidInput("is missing", field="config")
        wanted = _configured(await self._control.scheduler_config(), request.config)
        await self._control.configure_scheduler(wanted, by=caller_of(context).actor or "")
        return wire.ConfigureSchedulerResponse(
            success=True,
            message=f"{wanted.worker_strategy.value}, {wanted.provider_strategy.value}",
            configured_at=self._now(),
        )

    async def get_queue_status(
        self, request: wire.GetQueueStatusRequest, context: Context
    ) -> wire.GetQueueStatusResponse:
        """How many jobs are in which state."""
        status = await self._control.queue_status()
        return wire.GetQueueStatusResponse(
            status=wire.QueueStatus(
                pending_jobs=status.pending,
                running_jobs=status.running,
                completed_jobs=status.completed,
                failed_jobs=status.failed,
                cancelled_jobs=status.cancelled,
                last_updated=status.at,
            )
        )

    async def get_available_workers(
        self, request: wire.GetAvailableWorkersRequest, context: Context
    ) -> wire.GetAvailableWorkersResponse:
        """Workers that could take a job now, or those in the status that was asked for."""
        with wire_names("filter"):
            wanted = to_wanted(request.filter or wire.WorkerFilterCriteria())
        found = await self._control.available_workers(wanted)
        return wire.GetAvailableWorkersResponse(workers=[from_available(each) for each in found])


def _to_decision(decision: Decision, job: Job) -> wire.SchedulingDecision:
    allocation = None
    if decision.worker_id is not None:
        allocation = wire.ResourceAllocation(
            job_id=jobs.to_job_id(job),
            worker_id=wire.WorkerId(value=str(decision.worker_id)),
            allocated=_allocated(job.spec.resources),
            allocated_at=decision.decided_at,
        )
    return wire.SchedulingDecision(
        job_id=jobs.to_job_id(job),
        selected_worker_id=allocation.worker_id if allocation else None,
        execution_id=jobs.execution_id(job, decision.attempt) if decision.attempt else None,
        score=decision.score,
        reasons=list(decision.reasons),
        decision_time=decision.decided_at,
        allocation=allocation,
    )


def _allocated(asked: Resources) -> wire.ResourceUsage:
    return wire.ResourceUsage(
        cpu_cores=asked.cpu_cores,
        memory_bytes=asked.memory_mib * MIB,
        disk_bytes=asked.storage_mib * MIB,
        gpu_count=asked.gpu,
    )


def _configured(now: SchedulerConfig, told: wire.SchedulerConfig) -> SchedulerConfig:
    """`enabled_plugins` names strategies; `plugin_config` has any setting by its name."""
    changed = evolve(now, preemption_enabled=told.preemption_enabled)
    if told.requeue_delay is not None:
        changed = evolve(changed, requeue_delay=told.requeue_delay)
    for name in told.enabled_plugins:
        changed = _with_strategy(changed, name)
    return changed.with_json({key: _value(text) for key, text in told.plugin_config.items()})


def _with_strategy(config: SchedulerConfig, name: str) -> SchedulerConfig:
    """FirstAvailable, RoundRobin and MostCapacity are strategies of both kinds, the others of one."""
    changed = config
    with suppress(InvalidInput):
        changed = evolve(changed, worker_strategy=parse_worker_strategy(name))
    with suppress(InvalidInput):
        changed = evolve(changed, provider_strategy=parse_provider_strategy(name))
    if changed is config:
        raise InvalidInput(f"{name!r} is no strategy", field="config.enabled_plugins")
    return changed


def _value(text: str) -> Any:
    """A setting's text as the number it is, else as it is."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)
