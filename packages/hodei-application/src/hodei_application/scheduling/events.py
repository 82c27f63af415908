"""What happens to the platform as a whole. The correlation id is the provider's, the worker's, the
queue's or the scheduler's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from hodei_domain.kernel.events import SYSTEM, Event

QUEUE = "queue"
"""The correlation id of what is told of the queue."""

SCHEDULER = "scheduler"
"""The correlation id of what is told of the scheduler's settings."""


@frozen(kw_only=True)
class JobQueueDepthChanged(Event):
    """The number of jobs that are due and wait. Told at most every few seconds, and only when it changed."""

    actor: str | None = SYSTEM
    depth: int
    before: int

    def payload(self) -> dict[str, Any]:
        return {"depth": self.depth, "before": self.before}


@frozen(kw_only=True)
class AutoScalingTriggered(Event):
    """Workers are to be made for jobs that no worker serves."""

    actor: str | None = SYSTEM
    provider_id: str
    provider: str
    demand: str
    count: int
    reasons: tuple[str, ...]

    def payload(self) -> dict[str, Any]:
        return {
            "provider_id": self.provider_id,
            "provider": self.provider,
            "class": self.demand,
            "count": self.count,
            "reasons": list(self.reasons),
        }


@frozen(kw_only=True)
class WorkerHeartbeat(Event):
    """A sample of a worker's heartbeats: at most one in ten minutes for each worker."""

    actor: str | None = SYSTEM
    cpu_percent: float
    memory_mib: int

    def payload(self) -> dict[str, Any]:
        return {
            "worker_id": self.correlation_id,
            "cpu_percent": self.cpu_percent,
            "memory_mib": self.memory_mib,
        }


@frozen(kw_only=True)
class SchedulerConfigured(Event):
    """Somebody changed how the scheduler decides: of each setting that changed the value before and now."""

    changes: Mapping[str, tuple[Any, Any]]

    def payload(self) -> dict[str, Any]:
        return {name: {"before": before, "now": now} for name, (before, now) in self.changes.items()}
