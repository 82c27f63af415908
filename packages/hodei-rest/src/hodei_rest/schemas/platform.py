"""The queue, the scheduler, the audit trail and the installation."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from hodei_rest.schemas.jobs import Milliseconds, Resources


class WaitingClass(Struct, kw_only=True):
    """Jobs that the same workers could serve: how many wait, and since when the first."""

    image: str
    resources: Resources
    provider: str
    region: str
    constraints: list[str]
    depth: int
    oldest_at: datetime


class Queue(Struct, kw_only=True):
    """All jobs by state, and what waits. Depths stop counting at 10,000."""

    by_state: dict[str, int]
    oldest_pending_at: datetime | None
    classes: list[WaitingClass]


class SchedulerSettings(Struct, kw_only=True):
    """How the scheduler decides."""

    worker_strategy: str
    provider_strategy: str
    preemption_enabled: bool
    min_idle: int
    max_jobs: int
    create_batch: int
    requeue_delay_ms: int
    promote_after_ms: int
    idle_ttl_ms: int
    max_lifetime_ms: int
    register_within_ms: int


class SchedulerChanges(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; what is absent stays."""

    worker_strategy: str | UnsetType = UNSET
    provider_strategy: str | UnsetType = UNSET
    preemption_enabled: bool | UnsetType = UNSET
    min_idle: Annotated[int, Meta(ge=0, le=10_000)] | UnsetType = UNSET
    max_jobs: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    create_batch: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    requeue_delay_ms: Milliseconds | UnsetType = UNSET
    promote_after_ms: Milliseconds | UnsetType = UNSET
    idle_ttl_ms: Milliseconds | UnsetType = UNSET
    max_lifetime_ms: Milliseconds | UnsetType = UNSET
    register_within_ms: Milliseconds | UnsetType = UNSET


class Decision(Struct, kw_only=True):
    """Why a job's newest attempt went to its worker."""

    job_id: str
    worker_id: str | None
    attempt: int
    score: float
    reasons: list[str]
    decided_at: datetime


class AuditRecord(Struct, kw_only=True):
    """An event as it was written. `correlation_id` names what it happened to."""

    id: str
    occurred_at: datetime
    event_type: str
    actor: str | None
    correlation_id: str
    caller_correlation_id: str | None
    payload: dict[str, Any]


class DatabaseStatus(Struct, kw_only=True):
    """Whether the database answers, and how fast."""

    ok: bool
    latency_ms: float | None
    version: str
    reason: str


class ProviderState(Struct, kw_only=True):
    """A provider in the overview."""

    name: str
    type: str
    enabled: bool
    status: str
    reason: str
    workers: int
    max_workers: int


class System(Struct, kw_only=True):
    """The installation at a glance."""

    version: str
    database: DatabaseStatus
    leader: Annotated[str, Meta(description="Machine and process id of the replica that leads")]
    replicas: Annotated[int, Meta(description="Control planes that were heard of lately")]
    providers: list[ProviderState]
    workers: dict[str, int]
    jobs: dict[str, int]
    failed: Annotated[int, Meta(description="Jobs that are kept and ended as FAILED or TIMEOUT")]
    oldest_pending_at: datetime | None
    uptime_ms: int
    dev_mode: bool


class Phase(Struct, kw_only=True):
    """A stretch of a job's time; `attempt` 0 for a job that ended before its first."""

    phase: Literal["queued", "provisioning", "image", "starting", "running", "cleanup"]
    attempt: int
    started_at: datetime
    ended_at: datetime | None
    duration_ms: int | None
    detail: str
    failed: bool


class ImageOffer(Struct, kw_only=True):
    """An image that a provider has pulled already."""

    provider: str
    image: str
