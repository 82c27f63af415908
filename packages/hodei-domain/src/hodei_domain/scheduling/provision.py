"""How many workers to make, for which class and where.

Pure: from what waits, what is idle or starting, and the limits.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from attrs import evolve, frozen

from hodei_domain.kernel.demand import ANY, DemandClass
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.scheduling.choose import ProviderStrategy, rank_providers
from hodei_domain.scheduling.eligible import honour, provider_cannot, provider_is_closed, worker_cannot
from hodei_domain.scheduling.offers import ProviderOffer, WorkerOffer

_ASKED_PER_CLASS = 1000  # more at once than any round makes


@frozen(kw_only=True)
class Waiting:
    """Due jobs of a class, and what the providers offer for it (with the class's own refusals)."""

    demand: DemandClass
    count: int
    providers: Sequence[ProviderOffer]


@frozen(kw_only=True)
class Creation:
    """Make `count` workers for this class there. `score` and `reasons` tell why there."""

    demand: DemandClass
    provider_id: ProviderId
    provider: str
    count: int
    score: float
    reasons: tuple[str, ...]


@frozen(kw_only=True)
class Unserved:
    """Jobs of a class for which nothing is made now, and why, by provider."""

    demand: DemandClass
    count: int
    reasons: Mapping[str, str]


@frozen(kw_only=True)
class Plan:
    """What to make, and what cannot be served."""

    creations: tuple[Creation, ...] = ()
    unserved: tuple[Unserved, ...] = ()


def plan_workers(
    waiting: Sequence[Waiting],
    coming: Sequence[WorkerOffer],
    *,
    now: datetime,
    most: int,
    strategy: ProviderStrategy = ProviderStrategy.FASTEST_STARTUP,
    turn: int = 0,
) -> Plan:
    """One worker for each waiting job that no idle or starting one (`coming`) will serve, at most `most` in
    this round.

    Classes are served in the order given. A worker counts for one job: first for the class it was made for,
    then for others that it can serve, so that nothing is made twice for one job.
    """
    missing = _missing(waiting, coming)
    made: dict[ProviderId, int] = {}
    creations: list[Creation] = []
    unserved: list[Unserved] = []
    for entry, count in zip(waiting, missing, strict=True):
        left = count
        closed: dict[str, str] = {}
        wanted = honour(entry.demand, entry.providers)
        can = _able(wanted, entry.providers, closed)
        for ranked in rank_providers(strategy, can, wanted, turn):
            offer = ranked.offer
            now_there = evolve(offer, live_workers=offer.live_workers + made.get(offer.provider_id, 0))
            reason = provider_is_closed(now_there, now)
            if reason is not None:
                closed[offer.name] = reason
                continue
            some = min(left, most, now_there.max_workers - now_there.live_workers)
            if some <= 0:
                continue
            made[offer.provider_id] = made.get(offer.provider_id, 0) + some
            left, most, turn = left - some, most - some, turn + 1
            creations.append(
                Creation(
                    demand=wanted,
                    provider_id=offer.provider_id,
                    provider=offer.name,
                    count=some,
                    score=ranked.score,
                    reasons=ranked.reasons,
                )
            )
        if left:
            unserved.append(Unserved(demand=entry.demand, count=left, reasons=closed))
    return Plan(creations=tuple(creations), unserved=tuple(unserved))


def plan_warm(
    coming: Iterable[WorkerOffer], providers: Sequence[ProviderOffer], *, min_idle: int, now: datetime
) -> Plan:
    """Workers of the default class that are missing to `min_idle` idle or starting ones, at each provider."""
    creations: list[Creation] = []
    idle: dict[str, int] = {}
    for offer in coming:
        if worker_cannot(ANY, offer) is None:
            idle[offer.provider] = idle.get(offer.provider, 0) + 1
    for provider in sorted(providers, key=lambda offer: offer.name):
        room = provider.max_workers - provider.live_workers
        count = min(min_idle - idle.get(provider.name, 0), room)
        if count > 0 and provider_is_closed(provider, now) is None and provider_cannot(ANY, provider) is None:
            creations.append(
                Creation(
                    demand=ANY,
                    provider_id=provider.provider_id,
                    provider=provider.name,
                    count=count,
                    score=1.0,
                    reasons=(f"keeps {min_idle} idle",),
                )
            )
    return Plan(creations=tuple(creations))


def _able(
    demand: DemandClass, providers: Sequence[ProviderOffer], refused: dict[str, str]
) -> list[ProviderOffer]:
    able = []
    for offer in providers:
        reason = provider_cannot(demand, offer)
        if reason is None:
            able.append(offer)
        else:
            refused[offer.name] = reason
    return able


def _missing(waiting: Sequence[Waiting], coming: Sequence[WorkerOffer]) -> list[int]:
    """For each class how many jobs no coming worker will serve."""
    missing = [min(entry.count, _ASKED_PER_CLASS) for entry in waiting]
    taken: set[WorkerId] = set()
    for own in (True, False):
        for number, entry in enumerate(waiting):
            wanted = honour(entry.demand, entry.providers)
            for offer in coming:
                if not missing[number]:
                    break
                if offer.worker_id in taken or (own and offer.made_for != wanted.key):
                    continue
                if worker_cannot(wanted, offer) is None:
                    taken.add(offer.worker_id)
                    missing[number] -= 1
    return missing
