"""What happens to workers. The correlation id is the worker's."""

from typing import Any

from attrs import field, frozen

from hodei_domain.kernel.converters import sentence
from hodei_domain.kernel.events import SYSTEM, Event


@frozen(kw_only=True)
class WorkerEvent(Event):
    """Something that happened to a worker of `provider_id` (None: started by hand)."""

    actor: str | None = SYSTEM
    provider_id: str | None

    def payload(self) -> dict[str, Any]:
        return {"worker_id": self.correlation_id, "provider_id": self.provider_id}


@frozen(kw_only=True)
class WorkerProvisioned(WorkerEvent):
    """A worker is wanted for jobs of this demand class."""

    demand: str

    def payload(self) -> dict[str, Any]:
        return {**super().payload(), "class": self.demand}


@frozen(kw_only=True)
class WorkerRegistered(WorkerEvent):
    """The agent proved who it is and told of its machine."""

    hostname: str
    architecture: str
    agent_version: str

    def payload(self) -> dict[str, Any]:
        return {
            **super().payload(),
            "hostname": self.hostname,
            "architecture": self.architecture,
            "agent_version": self.agent_version,
        }


@frozen(kw_only=True)
class WorkerStatusChanged(WorkerEvent):
    """The worker went from one state to another."""

    old_state: str
    new_state: str
    reason: str = field(default="", converter=sentence)

    def payload(self) -> dict[str, Any]:
        told = super().payload()
        return {**told, "old_state": self.old_state, "new_state": self.new_state, "reason": self.reason}


@frozen(kw_only=True)
class WorkerDisconnected(WorkerEvent):
    """Its stream ended; what it runs goes on."""

    job_id: str | None

    def payload(self) -> dict[str, Any]:
        return {**super().payload(), "job_id": self.job_id}


@frozen(kw_only=True)
class WorkerReconnected(WorkerEvent):
    """It came back with a new stream."""

    job_id: str | None

    def payload(self) -> dict[str, Any]:
        return {**super().payload(), "job_id": self.job_id}


@frozen(kw_only=True)
class WorkerTerminated(WorkerEvent):
    """The provider confirmed that it is no more."""

    reason: str
    jobs_done: int

    def payload(self) -> dict[str, Any]:
        told = super().payload()
        return {**told, "reason": self.reason, "jobs_done": self.jobs_done}
