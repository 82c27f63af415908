"""Who can serve a demand class, and if not, why not, in words for people."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from attrs import evolve

from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.values import Constraint, PullPolicy, Resources
from hodei_domain.scheduling.offers import ProviderOffer, WorkerOffer, demand_labels


def worker_cannot(demand: DemandClass, offer: WorkerOffer) -> str | None:
    """Why this worker cannot serve that class, or one reason of several; None if it can.

    What is unknown of its machine refuses nothing.
    """
    return next(worker_refusals(demand, offer), None)


def worker_refusals(demand: DemandClass, offer: WorkerOffer) -> Iterator[str]:
    """Everything that keeps this worker from serving that class."""
    if offer.image != demand.image:
        yield f"runs in {offer.image or 'its own image'}, not in {demand.image or 'the default one'}"
    if offer.user != demand.user:
        yield f"runs as {_who(offer.user)}, not as {_who(demand.user)}"
    if demand.pull is PullPolicy.ALWAYS and (offer.pull is not PullPolicy.ALWAYS or offer.jobs_done):
        yield "did not fetch its image for this job"
    if demand.architecture and offer.architecture and demand.architecture != offer.architecture:
        yield f"is {offer.architecture}, not {demand.architecture}"
    if demand.provider and demand.provider != offer.provider:
        yield f"belongs to provider {offer.provider or 'none'}, not {demand.provider}"
    if demand.region and demand.region != offer.region:
        yield f"is in region {offer.region or 'none'}, not {demand.region}"
    if (dear := _too_dear(demand, offer.cost_per_hour)) is not None:
        yield dear
    # The container's limits are the job's: a larger one would let it take more than it asked for.
    if offer.shape is not None and evolve(demand.resources, architecture="") != evolve(
        offer.shape, architecture=""
    ):
        yield "has a container that was made for other resources"
    yield from _too_small(demand.resources, offer)
    yield from _unmet(demand.constraints, _labels_of(offer))


def provider_cannot(demand: DemandClass, offer: ProviderOffer) -> str | None:
    """Why this provider can never make a worker for that class as it stands; None if it can, limits and
    health aside.
    """
    can = offer.capabilities
    if not offer.has_plugin:
        return "is not available on this control plane"
    if demand.provider and demand.provider != offer.name:
        return f"the job wants provider {demand.provider}"
    if demand.region and demand.region not in can.regions:
        return f"is in {_names(can.regions) or 'no region'}, not in {demand.region}"
    if demand.image and not can.images:
        return "runs no images"
    if demand.architecture and can.architectures and demand.architecture not in can.architectures:
        return f"has no {demand.architecture} machines"
    if demand.resources.gpu and not can.gpu:
        return "has no GPUs"
    if (dear := _too_dear(demand, offer.cost_per_hour)) is not None:
        return dear
    return _beyond(demand.resources, can.max_resources) or _unmet_there(demand, offer) or offer.refusal


def provider_is_closed(offer: ProviderOffer, now: datetime) -> str | None:
    """Why this provider makes no worker just now, whatever the class; None if it may."""
    if offer.out_of_use:
        return offer.out_of_use
    if not offer.takes_work:
        text = f"is {offer.status.lower()}"
        return f"{text}: {offer.health_message}" if offer.health_message else text
    if not offer.is_kept:
        return "no server that runs reaches it just now"
    if offer.live_workers >= offer.max_workers:
        return f"is at its limit of {offer.max_workers} workers"
    if offer.pool_room == 0:
        return f"is at its limit of {offer.pool_max} workers for {offer.pool[0] or 'the default image'}"
    if offer.retry_at is not None and now < offer.retry_at:
        wait = max(1, round((offer.retry_at - now).total_seconds()))
        trouble = f": {offer.trouble}" if offer.trouble else ""
        return f"could not make a worker{trouble}; it will be asked again in {wait} s"
    return None


def honour(demand: DemandClass, providers: Iterable[ProviderOffer]) -> DemandClass:
    """The class with those of its preferences that can be kept as requirements, and without the others.

    A preference binds while some provider that is enabled and takes work could serve the class with it, be it
    full just now: waiting for what was asked is better than running elsewhere. If none could, the job runs
    where it can: the preferred region goes first, then the preferred provider, then both. What is required is
    never given up.
    """
    if not demand.preferred_provider and not demand.preferred_region:
        return demand
    plain = evolve(demand, preferred_provider="", preferred_region="")
    both = evolve(
        plain,
        provider=demand.provider or demand.preferred_provider,
        region=demand.region or demand.preferred_region,
    )
    open_ones = [offer for offer in providers if offer.takes_work]
    for wish in (both, evolve(both, region=plain.region), evolve(both, provider=plain.provider)):
        if any(provider_cannot(wish, offer) is None for offer in open_ones):
            return wish
    return plain


def _too_dear(demand: DemandClass, cost: float) -> str | None:
    if demand.max_cost is None or cost <= demand.max_cost:
        return None
    return f"costs {cost:g} an hour, and the job's budget is {demand.max_cost:g} an hour"


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _who(user: str) -> str:
    return f"user {user}" if user else "its image's user"


def _too_small(asked: Resources, offer: WorkerOffer) -> Iterator[str]:
    has = offer.capacity
    if has.cpu_cores and asked.cpu_cores > has.cpu_cores:
        yield f"has {has.cpu_cores:g} cores, not {asked.cpu_cores:g}"
    if has.memory_mib and asked.memory_mib > has.memory_mib:
        yield f"has {has.memory_mib} MiB of memory, not {asked.memory_mib}"
    if has.disk_mib and asked.storage_mib > has.disk_mib:
        yield f"has {has.disk_mib} MiB of disk, not {asked.storage_mib}"
    if asked.gpu > has.gpu and offer.shape is None:  # a machine that does not know of a GPU has none
        yield f"has {has.gpu} GPUs, not {asked.gpu}"


def _beyond(asked: Resources, most: Resources) -> str | None:
    if most.cpu_cores and asked.cpu_cores > most.cpu_cores:
        return f"gives at most {most.cpu_cores:g} cores to a job, not {asked.cpu_cores:g}"
    if most.memory_mib and asked.memory_mib > most.memory_mib:
        return f"gives at most {most.memory_mib} MiB of memory to a job, not {asked.memory_mib}"
    if most.storage_mib and asked.storage_mib > most.storage_mib:
        return f"gives at most {most.storage_mib} MiB of disk to a job, not {asked.storage_mib}"
    if most.gpu and asked.gpu > most.gpu:
        return f"gives at most {most.gpu} GPUs to a job, not {asked.gpu}"
    return None


def _labels_of(offer: WorkerOffer) -> Mapping[str, str]:
    told = demand_labels(offer.provider, offer.region, offer.architecture, offer.image)
    return {**offer.labels, **told}


def _unmet_there(demand: DemandClass, offer: ProviderOffer) -> str | None:
    # a worker made for this class would have these; the machine's own labels are not known before
    region = demand.region or offer.capabilities.region
    told = demand_labels(offer.name, region, demand.architecture, demand.image)
    return next(_unmet(demand.constraints, {**offer.labels, **told}), None)


def _unmet(constraints: Iterable[Constraint], labels: Mapping[str, str]) -> Iterator[str]:
    for constraint in constraints:
        if not constraint.allows(labels):
            yield (
                f"its label {constraint.key} is {labels.get(constraint.key, 'absent')}: {constraint} is asked"
            )
