"""The queue, the scheduler and the audit trail, as clients see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hodei_domain.audit.record import AuditRecord
from hodei_domain.jobs.views import WaitingClass
from hodei_domain.scheduling.config import SchedulerConfig
from hodei_domain.scheduling.decision import Decision
from msgspec import UNSET

from hodei_rest.convert.specs import from_resources, to_ms
from hodei_rest.schemas import platform as schema

_DURATIONS = ("requeue_delay", "promote_after", "idle_ttl", "max_lifetime", "register_within")


def from_waiting(waiting: WaitingClass) -> schema.WaitingClass:
    """A class of waiting jobs."""
    demand = waiting.demand
    return schema.WaitingClass(
        image=demand.image,
        resources=from_resources(demand.resources),
        provider=demand.provider,
        region=demand.region,
        constraints=[str(each) for each in demand.constraints],
        depth=waiting.count,
        oldest_at=waiting.oldest,
    )


def from_config(config: SchedulerConfig) -> schema.SchedulerSettings:
    """How the scheduler decides."""
    return schema.SchedulerSettings(
        worker_strategy=config.worker_strategy.value,
        provider_strategy=config.provider_strategy.value,
        preemption_enabled=config.preemption_enabled,
        min_idle=config.min_idle,
        max_jobs=config.max_jobs,
        create_batch=config.create_batch,
        **{f"{name}_ms": to_ms(getattr(config, name)) for name in _DURATIONS},
    )


def in_ms(field: str) -> str:
    """A setting as the request calls it."""
    return f"{field}_ms" if field in _DURATIONS else field


def to_document(told: schema.SchedulerChanges) -> dict[str, Any]:
    """The changes as SchedulerConfig.with_json() takes them: durations in seconds."""
    found: dict[str, Any] = {}
    for name in told.__struct_fields__:
        value = getattr(told, name)
        if value is UNSET:
            continue
        if name.endswith("_ms"):
            found[name.removesuffix("_ms")] = timedelta(milliseconds=value).total_seconds()
        else:
            found[name] = value
    return found


def from_decision(decision: Decision) -> schema.Decision:
    """Why an attempt went where it went."""
    return schema.Decision(
        job_id=str(decision.job_id),
        worker_id=None if decision.worker_id is None else str(decision.worker_id),
        attempt=decision.attempt,
        score=decision.score,
        reasons=list(decision.reasons),
        decided_at=decision.decided_at,
    )


def from_record(record: AuditRecord) -> schema.AuditRecord:
    """An event."""
    return schema.AuditRecord(
        id=str(record.id),
        occurred_at=record.occurred_at,
        event_type=record.event_type,
        actor=record.actor,
        correlation_id=record.correlation_id,
        caller_correlation_id=record.caller_correlation_id,
        payload=dict(record.payload),
    )
