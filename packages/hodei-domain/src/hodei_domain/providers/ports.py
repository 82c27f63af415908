"""What a provider's plugin does, in small ports, and the store of providers.

Nothing about existing workers is remembered in the process: a plugin asks the engine. All calls raise
ProviderUnavailable where the engine cannot be reached, and may be repeated after that.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Protocol

from hodei_domain.kernel.change import Change
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.logs.chunk import LogChunk
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.events import ProviderRemoved
from hodei_domain.providers.provider import Provider, ProviderType
from hodei_domain.providers.records import FoundWorker, Health, LeftEnd, Presence, Usage, WorkerSighting
from hodei_domain.workers.spec import WorkerSpec


class WorkerProviderIdentity(Protocol):
    """Who the plugin is and what it can give."""

    @property
    def name(self) -> str:
        """The provider's name, unique in the installation."""
        ...

    @property
    def type(self) -> ProviderType:
        """The kind of infrastructure."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can give to a job."""
        ...


class WorkerLifecycle(Protocol):
    """Makes and destroys workers."""

    async def create_worker(self, spec: WorkerSpec, otp: str) -> None:
        """Make the worker and let it start; returns once the engine has taken the order.

        Idempotent by worker id: if it exists, whatever its state, nothing is made. It carries our marks
        (installation, worker id, expiry) from its first moment. `otp` reaches the agent and nobody else.
        Raises WorkerNotCreated; then nothing is left behind. It may be broken off while it pulls an image or
        later: destroy_worker() follows then.
        """
        ...

    async def worker_status(self, id: WorkerId) -> Presence:
        """How the engine sees it; ABSENT if there is nothing."""
        ...

    async def destroy_worker(self, id: WorkerId, grace: timedelta) -> None:
        """TERM, grace, KILL to all of it, and remove what was made for it. Returns when it is gone.

        Idempotent: destroying what is not there is not an error. Never touches what does not carry our marks.
        """
        ...


class WorkerPreparation(Protocol):
    """Does before create_worker() what may take long and needs no password."""

    async def prepare(self, spec: WorkerSpec) -> None:
        """Fetch the worker's image, for instance. May take as long as it gets on, and be broken off.

        create_worker() must not depend on it: another process may have prepared. Raises WorkerNotCreated.
        """
        ...


class WorkerInventory(Protocol):
    """Finds what is ours."""

    async def list_workers(self) -> list[FoundWorker]:
        """All that carries the marks of this installation, running or not, by worker id."""
        ...


class WorkerHealth(Protocol):
    """Probes the engine."""

    async def check_health(self) -> Health:
        """Whether workers can be made now. Does not raise ProviderUnavailable: that is an answer."""
        ...


class WorkerEligibility(Protocol):
    """Knows what this infrastructure cannot do beyond its capabilities."""

    def why_not(self, demand: DemandClass) -> str | None:
        """Why workers for this class cannot be made here, for people; None if they can.

        Quick, without I/O.
        """
        ...


class WorkerLogs(Protocol):
    """Reads what an agent printed."""

    async def worker_logs(self, id: WorkerId, tail: int) -> list[str]:
        """The last `tail` lines, oldest first; none if there is nothing."""
        ...


class WorkerImages(Protocol):
    """Knows which images need not be fetched any more."""

    async def list_images(self) -> list[str]:
        """Names of the images that the engine has, as a job would give them. Raises ProviderUnavailable."""
        ...


class WorkerCost(Protocol):
    """Estimates."""

    def estimate_cost(self, demand: DemandClass) -> float:
        """The price of an hour, in the installation's currency; 0.0 where it costs nothing more."""
        ...

    def startup_time(self, demand: DemandClass) -> timedelta:
        """How long a new worker takes to be READY, by experience or as a guess."""
        ...


class WorkerMetrics(Protocol):
    """Measures from outside."""

    async def usage(self, id: WorkerId) -> Usage | None:
        """What the worker uses now; None if it does not run."""
        ...


class WorkerEventSource(Protocol):
    """Tells of changes sooner than asking would."""

    def events(self) -> AsyncIterator[WorkerSighting]:
        """What happens to our workers from now on; ends with ProviderUnavailable when the engine breaks off.

        A hint, not a record: what was missed is found by the inventory.
        """
        ...


class WorkerSpool(Protocol):
    """Reads what a worker had kept for the control plane when it died."""

    def left_behind(self, id: WorkerId) -> AsyncIterator[LogChunk | LeftEnd]:
        """Output and ends that may not have been delivered, in order for each attempt; until the worker is
        destroyed it can be read again.

        Every chunk passes check_chunk(). Reading ends at the first thing that is not as an agent writes it:
        jobs may have been at it. So it is worth as much as the worker's own word, and needs the same checks.
        """
        ...


class ProviderStore(Protocol):
    """Providers by id and name."""

    async def get(self, id: ProviderId) -> Provider:
        """Read a provider. Raises ProviderNotFound."""
        ...

    async def by_name(self, name: str) -> Provider | None:
        """The provider of that name."""
        ...

    async def list_all(self) -> list[Provider]:
        """All, by name."""
        ...

    async def save(self, changes: Sequence[Change[Provider]]) -> None:
        """Write providers and their events, all or none.

        Each change applies only over version `base`; otherwise raises ProviderChangedMeanwhile. Raises
        ProviderAlreadyExists where the name belongs to another.
        """
        ...

    async def delete(self, id: ProviderId, event: ProviderRemoved) -> None:
        """Forget it and write the event.

        Raises ProviderNotFound; ProviderInUse while a worker of it is not TERMINATED.
        """
        ...
