"""What a worker is to be, and what it says of itself when it registers."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import field, frozen

from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.kernel.values import UNKNOWN, Capacity, copied

__all__ = ["Capacity", "WorkerInfo", "WorkerSpec"]


@frozen(kw_only=True)
class WorkerSpec:
    """All that a provider needs to create a worker. `server_address` is host:port as the worker must dial it.

    After `expires_at` the provider itself may destroy it, so that nothing outlives a lost control plane.
    `database` is the id of the database that knows it, a mark to tell it by.
    """

    worker_id: WorkerId
    provider_id: ProviderId
    demand: DemandClass
    server_address: str
    otp_ttl: timedelta
    labels: Mapping[str, str] = field(factory=dict, converter=copied)
    expires_at: datetime | None = None
    database: str = ""


@frozen(kw_only=True)
class WorkerInfo:
    """What an agent says of its machine."""

    name: str = ""
    hostname: str = ""
    architecture: str = ""
    agent_version: str = ""
    capacity: Capacity = UNKNOWN
    labels: Mapping[str, str] = field(factory=dict, converter=copied)
