"""A provider's plugin: one record of the ports that it serves."""

from attrs import frozen

from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.ports import (
    WorkerCost,
    WorkerEligibility,
    WorkerEventSource,
    WorkerHealth,
    WorkerInventory,
    WorkerLifecycle,
    WorkerLogs,
    WorkerMetrics,
)
from hodei_domain.providers.provider import ProviderType


@frozen(kw_only=True)
class ProviderPlugin:
    """What one infrastructure can do; optional ports are None where it cannot.

    `server_address` is host:port of the control plane as its workers must dial it, where that differs from
    what processes of this machine dial.
    """

    name: str
    type: ProviderType
    capabilities: Capabilities
    lifecycle: WorkerLifecycle
    inventory: WorkerInventory
    eligibility: WorkerEligibility
    health: WorkerHealth
    logs: WorkerLogs | None = None
    cost: WorkerCost | None = None
    metrics: WorkerMetrics | None = None
    events: WorkerEventSource | None = None
    server_address: str | None = None
