"""What workers and providers offer at one moment: the snapshots that the decisions are made from."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import field, frozen

from hodei_domain.jobs.spec import JobSpec
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.kernel.values import UNKNOWN, Capacity, PullPolicy, Resources, copied
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.pools import DEFAULT, Pool, PoolKey
from hodei_domain.providers.provider import Provider
from hodei_domain.workers.worker import Worker

_NOTHING = Capabilities()
HOST_LABEL = "hostname"  # as agents call their machine
LIMITS_LABEL, BY_CONTAINER = "hodei.limits", "container"  # what an agent says of how it holds jobs to limits


@frozen(kw_only=True)
class WorkerOffer:
    """A worker that could take a job, now or once it has started.

    `image` is the one it was made with, "" for the provider's default, fetched as `pull` says; `user` is who
    it was made to run as, "" for the image's own. `load` is the share of its machine in use, 0 to 1. `images`
    are those known to lie on its machine.
    """

    worker_id: WorkerId
    provider: str = ""
    region: str = ""
    image: str = ""
    user: str = ""
    pull: PullPolicy = PullPolicy.IF_NOT_PRESENT
    architecture: str = ""
    capacity: Capacity = UNKNOWN
    labels: Mapping[str, str] = field(factory=dict, converter=copied)
    idle_since: datetime | None = None
    jobs_done: int = 0
    load: float = 0.0
    images: frozenset[str] = frozenset()
    made_for: str = ""  # key of the demand class it was made for
    cost_per_hour: float = 0.0
    shape: Resources | None = None  # what its container is held to; None where each job is held by itself


@frozen(kw_only=True)
class ProviderOffer:
    """A provider that could make workers.

    `live_workers` are all that exist there, starting and going ones too. `refusal` is its plugin's why_not(),
    which the caller has asked for the class at hand. `retry_at`: after a failed create nothing is made
    before; `trouble`: what was wrong with it. `pool` is the one of the class at hand, with its own limit
    (None: no other than the provider's) and number of workers.
    """

    provider_id: ProviderId
    name: str
    out_of_use: str = ""  # why it gets no jobs at all, by somebody's word
    status: str = "ACTIVE"
    takes_work: bool = True
    priority: int = 0
    max_workers: int = 10
    live_workers: int = 0
    capabilities: Capabilities = _NOTHING
    labels: Mapping[str, str] = field(factory=dict, converter=copied)
    startup_time: timedelta = timedelta(0)
    cost_per_hour: float = 0.0
    failures: int = 0
    refusal: str | None = None
    retry_at: datetime | None = None
    trouble: str = ""
    has_plugin: bool = True
    is_kept: bool = True
    health_message: str = ""
    pool: PoolKey = DEFAULT
    pool_max: int | None = None
    pool_live: int = 0

    @property
    def pool_room(self) -> int | None:
        """How many workers more the pool may have, the provider's limit aside; None is without limit."""
        return None if self.pool_max is None else max(0, self.pool_max - self.pool_live)

    @property
    def room(self) -> int:
        """How many workers more may be made for the class."""
        room = max(0, self.max_workers - self.live_workers)
        return room if self.pool_room is None else min(room, self.pool_room)


def offer_of(worker: Worker, provider: str = "", region: str = "", load: float = 0.0) -> WorkerOffer:
    """A worker's offer; before it registers, what it was asked to be counts as what it is."""
    asked = worker.demand.resources
    capacity = worker.capacity
    if worker.registered_at is None:
        capacity = Capacity(
            cpu_cores=asked.cpu_cores, memory_mib=asked.memory_mib, disk_mib=asked.storage_mib, gpu=asked.gpu
        )
    return WorkerOffer(
        worker_id=worker.id,
        provider=provider,
        region=region or worker.demand.region,
        image=worker.demand.image,
        user=worker.demand.user,
        pull=worker.demand.pull,
        architecture=worker.architecture or asked.architecture,
        capacity=capacity,
        labels=worker.labels,
        idle_since=worker.idle_since,
        jobs_done=worker.jobs_done,
        load=load,
        images=frozenset({worker.demand.image} - {""}),
        made_for=worker.demand.key,
        shape=asked if worker.demand.image or _is_in_container(worker) else None,
    )


def start_dir(spec: JobSpec, worker: Worker) -> str:
    """Where the job starts on this worker, "" for a directory of its own."""
    return spec.start_dir(worker.labels.get(HOST_LABEL, ""), in_container=_is_in_container(worker))


def _is_in_container(worker: Worker) -> bool:
    return worker.labels.get(LIMITS_LABEL) == BY_CONTAINER


def provider_offer(
    provider: Provider,
    *,
    pool: Pool,
    live_workers: int,
    pool_live: int = 0,
    has_plugin: bool = True,
    is_kept: bool = True,
    refusal: str | None = None,
    startup_time: timedelta = timedelta(0),
    cost_per_hour: float = 0.0,
    retry_at: datetime | None = None,
) -> ProviderOffer:
    """A provider's offer, from its row and what its plugin says for the class at hand."""
    offered = provider.offered
    return ProviderOffer(
        provider_id=provider.id,
        name=provider.name,
        out_of_use=provider.out_of_use,
        status=provider.status.value,
        takes_work=provider.takes_work,
        priority=provider.priority,
        max_workers=provider.max_workers,
        live_workers=live_workers,
        capabilities=offered,
        labels=offered.labels,
        startup_time=startup_time,
        cost_per_hour=cost_per_hour,
        failures=provider.failures,
        refusal=refusal,
        retry_at=retry_at,
        has_plugin=has_plugin,
        is_kept=is_kept,
        health_message=provider.health_message,
        pool=pool.key,
        pool_max=pool.rules.max_workers,
        pool_live=pool_live,
    )


def demand_labels(provider: str, region: str, architecture: str, image: str) -> dict[str, str]:
    """The labels that every worker and provider has by itself, for constraints."""
    told = {
        "hodei.provider": provider,
        "hodei.region": region,
        "hodei.architecture": architecture,
        "hodei.image": image,
    }
    return {key: value for key, value in told.items() if value}
