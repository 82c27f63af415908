"""A provider's plugin: one record of the ports that it serves."""

from collections.abc import Awaitable, Callable

from attrs import frozen

from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.ports import (
    WorkerCost,
    WorkerEligibility,
    WorkerEventSource,
    WorkerHealth,
    WorkerImages,
    WorkerInventory,
    WorkerLifecycle,
    WorkerLogs,
    WorkerMetrics,
    WorkerPreparation,
    WorkerSpool,
)
from hodei_domain.providers.provider import ProviderType


@frozen(kw_only=True)
class ProviderPlugin:
    """What one infrastructure can do; optional ports are None where it cannot.

    `server_address` gives host:port of the control plane as a worker that is made now must dial it, where
    that differs from what processes of this machine dial. Raises ProviderUnavailable if there is no way.

    Not `reachable`: the infrastructure is another machine's. What could be made there is known, so that it
    can be planned here; all calls raise ProviderUnavailable.
    """

    name: str
    type: ProviderType
    capabilities: Capabilities
    lifecycle: WorkerLifecycle
    inventory: WorkerInventory
    eligibility: WorkerEligibility
    health: WorkerHealth
    preparation: WorkerPreparation | None = None
    logs: WorkerLogs | None = None
    images: WorkerImages | None = None
    cost: WorkerCost | None = None
    metrics: WorkerMetrics | None = None
    events: WorkerEventSource | None = None
    spool: WorkerSpool | None = None
    server_address: Callable[[], Awaitable[str]] | None = None
    reachable: bool = True
