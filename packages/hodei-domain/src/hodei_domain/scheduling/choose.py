"""Strategies: in which order to prefer workers and providers that can serve.

Pure; ties are broken by id or name.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from attrs import frozen

from hodei_domain.kernel.demand import DemandClass
from hodei_domain.scheduling.offers import ProviderOffer, WorkerOffer

O = TypeVar("O")  # noqa: E741  # an offer
_LATEST = datetime.max.replace(tzinfo=UTC)


class WorkerStrategy(StrEnum):
    """How to choose among idle workers that can serve."""

    FIRST_AVAILABLE = "FirstAvailable"
    LEAST_LOADED = "LeastLoaded"
    ROUND_ROBIN = "RoundRobin"
    MOST_CAPACITY = "MostCapacity"
    AFFINITY = "Affinity"


class ProviderStrategy(StrEnum):
    """How to choose among providers that can make a worker."""

    FIRST_AVAILABLE = "FirstAvailable"
    LOWEST_COST = "LowestCost"
    FASTEST_STARTUP = "FastestStartup"
    MOST_CAPACITY = "MostCapacity"
    ROUND_ROBIN = "RoundRobin"
    HEALTHIEST = "Healthiest"


@frozen
class Ranked(Generic[O]):
    """An offer, its score from 0 to 1 (the best has the highest) and why, for people."""

    offer: O
    score: float
    reasons: tuple[str, ...]


def rank_workers(
    strategy: WorkerStrategy, offers: Sequence[WorkerOffer], demand: DemandClass, turn: int = 0
) -> list[Ranked[WorkerOffer]]:
    """The best worker first.

    All are taken to be able to serve. `turn` counts the choices made, for RoundRobin.
    """
    ordered = sorted(offers, key=lambda offer: offer.worker_id)
    if strategy is WorkerStrategy.ROUND_ROBIN:
        return _in_turn(ordered, turn, "its turn")
    key, why = _WORKERS[strategy]
    ordered.sort(key=lambda offer: key(offer, demand))
    return _scored(ordered, why, demand)


def rank_providers(
    strategy: ProviderStrategy, offers: Sequence[ProviderOffer], demand: DemandClass, turn: int = 0
) -> list[Ranked[ProviderOffer]]:
    """The best provider first: those that fit the job's wishes, then by priority, then by the strategy."""
    ordered = sorted(offers, key=lambda offer: offer.name)
    if strategy is ProviderStrategy.ROUND_ROBIN:
        ordered = [ranked.offer for ranked in _in_turn(ordered, turn, "")]
        ordered.sort(key=lambda offer: (not _wished(offer, demand), -offer.priority))
        return _scored(ordered, lambda offer, _: "its turn", demand)
    key, why = _PROVIDERS[strategy]
    ordered.sort(key=lambda offer: (not _wished(offer, demand), -offer.priority, key(offer, demand)))
    return _scored(ordered, why, demand)


def _in_turn(ordered: Sequence[O], turn: int, why: str) -> list[Ranked[O]]:
    start = turn % len(ordered) if ordered else 0
    rotated = [*ordered[start:], *ordered[:start]]
    return [Ranked(offer, _score(place, len(rotated)), (why,)) for place, offer in enumerate(rotated)]


def _scored(
    ordered: Sequence[O], why: Callable[[O, DemandClass], str], demand: DemandClass
) -> list[Ranked[O]]:
    most = len(ordered)
    return [Ranked(offer, _score(at, most), (why(offer, demand),)) for at, offer in enumerate(ordered)]


def _score(place: int, of: int) -> float:
    return 1.0 - place / of


def _wished(offer: ProviderOffer, demand: DemandClass) -> bool:
    return not demand.provider or demand.provider == offer.name


def _size(offer: WorkerOffer) -> tuple[float, float, int]:
    has = offer.capacity
    return (has.cpu_cores, has.memory_mib, has.gpu)


def _largest_first(offer: WorkerOffer, _: DemandClass) -> tuple[float, ...]:
    return tuple(-amount for amount in _size(offer))


def _free(offer: ProviderOffer) -> int:
    return offer.max_workers - offer.live_workers


_WorkerRule = tuple[Callable[[WorkerOffer, DemandClass], Any], Callable[[WorkerOffer, DemandClass], str]]
_ProviderRule = tuple[
    Callable[[ProviderOffer, DemandClass], Any], Callable[[ProviderOffer, DemandClass], str]
]

_WORKERS: Mapping[WorkerStrategy, _WorkerRule] = MappingProxyType(
    {
        WorkerStrategy.FIRST_AVAILABLE: (
            lambda offer, _: offer.idle_since or _LATEST,
            lambda offer, _: "idle for the longest time",
        ),
        WorkerStrategy.LEAST_LOADED: (
            lambda offer, _: (offer.load, offer.jobs_done),
            lambda offer, _: f"load {offer.load:.0%}",
        ),
        WorkerStrategy.MOST_CAPACITY: (
            _largest_first,
            lambda offer, _: f"{offer.capacity.cpu_cores:g} cores, {offer.capacity.memory_mib} MiB",
        ),
        WorkerStrategy.AFFINITY: (
            lambda offer, demand: (
                offer.made_for != demand.key,
                bool(demand.image) and demand.image not in offer.images,
                offer.idle_since or _LATEST,
            ),
            lambda offer, demand: "made for this class" if offer.made_for == demand.key else "can serve it",
        ),
    }
)

_PROVIDERS: Mapping[ProviderStrategy, _ProviderRule] = MappingProxyType(
    {
        ProviderStrategy.FIRST_AVAILABLE: (lambda offer, _: offer.name, lambda offer, _: "first by name"),
        ProviderStrategy.LOWEST_COST: (
            lambda offer, _: offer.cost_per_hour,
            lambda offer, _: f"{offer.cost_per_hour:g} an hour",
        ),
        ProviderStrategy.FASTEST_STARTUP: (
            lambda offer, _: offer.startup_time,
            lambda offer, _: f"starts in {offer.startup_time.total_seconds():g} s",
        ),
        ProviderStrategy.MOST_CAPACITY: (
            lambda offer, _: -_free(offer),
            lambda offer, _: f"room for {_free(offer)} more workers",
        ),
        ProviderStrategy.HEALTHIEST: (
            lambda offer, _: offer.failures,
            lambda offer, _: f"{offer.failures} failures in a row",
        ),
    }
)
