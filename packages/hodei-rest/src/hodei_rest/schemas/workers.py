"""Workers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from hodei_rest.schemas.jobs import Milliseconds

WorkerStateName = Literal["CREATING", "CONNECTING", "READY", "BUSY", "DRAINING", "TERMINATING", "TERMINATED"]


class WorkerUsage(Struct, kw_only=True):
    """What its job uses, as its last heartbeat said. 100 % is one core; disk (written) and network are bytes
    since the job started.
    """

    cpu_percent: float
    memory_bytes: int
    disk_bytes: int
    disk_read_bytes: int
    net_rx_bytes: int
    net_tx_bytes: int
    gpu: int


class Worker(Struct, kw_only=True):
    """An agent. `usage` is known to the replica that holds its stream."""

    id: str
    name: str
    state: WorkerStateName
    provider: str
    hostname: str
    architecture: str
    agent_version: str
    image: str
    job_id: str | None
    attempt: int | None
    jobs_done: int
    max_jobs: int | None
    connected: bool
    cpu_cores: float
    memory_mib: int
    usage: WorkerUsage | None
    labels: dict[str, str]
    created_at: datetime
    registered_at: datetime | None
    last_heartbeat: datetime | None
    idle_since: datetime | None
    drain_by: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None
    reason: str


class DrainWorker(Struct, kw_only=True, forbid_unknown_fields=True):
    """How long its job may go on; null is what its pool says."""

    within_ms: Milliseconds | None = None
    reason: str = ""


class TerminateWorker(Struct, kw_only=True, forbid_unknown_fields=True):
    """Without `force` a worker with a job is left alone."""

    force: bool = True
    reason: str = ""


class WorkerLog(Struct, kw_only=True):
    """What its agent printed, the oldest first."""

    lines: list[str]
    truncated: bool
