"""How many workers to make, for which class and where.

Pure: from what waits, what is idle or starting, and the limits.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from attrs import define, evolve, field, frozen

from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.providers.pools import PoolKey
from hodei_domain.scheduling.choose import ProviderStrategy, Ranked, rank_providers
from hodei_domain.scheduling.eligible import honour, provider_cannot, provider_is_closed, worker_cannot
from hodei_domain.scheduling.offers import ProviderOffer, WorkerOffer
from hodei_domain.scheduling.terms import WarmPool
from hodei_domain.scheduling.warm import kept_warm

_ASKED_PER_CLASS = 1000  # more at once than any round makes


@frozen(kw_only=True)
class Waiting:
    """Due jobs of a class, and what the providers offer for it (with the class's own refusals).

    `starving`: it has waited for long, and there is no worker that could serve it, busy ones included.
    """

    demand: DemandClass
    count: int
    providers: Sequence[ProviderOffer]
    starving: bool = False


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
    """Jobs of a class for which nothing is made now, and why, by provider; `full` are those providers that
    only their limits keep from it.
    """

    demand: DemandClass
    count: int
    reasons: Mapping[str, str]
    full: tuple[ProviderOffer, ...] = ()
    starving: bool = False


@frozen(kw_only=True)
class Plan:
    """What to make, what cannot be served, and the workers that are counted on."""

    creations: tuple[Creation, ...] = ()
    unserved: tuple[Unserved, ...] = ()
    needed: frozenset[WorkerId] = frozenset()


def plan_workers(
    waiting: Sequence[Waiting],
    coming: Sequence[WorkerOffer],
    *,
    now: datetime,
    most: int,
    strategy: ProviderStrategy = ProviderStrategy.FASTEST_STARTUP,
    turn: int = 0,
) -> Plan:
    """One worker for each waiting job that no idle or starting one (`coming`) will serve, at most `most`.

    Classes are served in the order given. A worker counts for one job: first for the class it was made for,
    then for others that it can serve, so that nothing is made twice for one job. `turn` counts for
    RoundRobin.
    """
    making = _Round(now=now, most=most, strategy=strategy, turn=turn)
    missing, needed = _missing(waiting, coming)
    for entry, count in zip(waiting, missing, strict=True):
        making.serve(entry, count)
    return Plan(creations=tuple(making.creations), unserved=tuple(making.unserved), needed=frozenset(needed))


@define(kw_only=True)
class _Round:
    """What one round has decided so far."""

    now: datetime
    most: int
    strategy: ProviderStrategy
    turn: int
    made: Counter[ProviderId] = field(factory=Counter)
    made_in: Counter[tuple[ProviderId, PoolKey]] = field(factory=Counter)
    creations: list[Creation] = field(factory=list)
    unserved: list[Unserved] = field(factory=list)

    def serve(self, entry: Waiting, count: int) -> None:
        """Make `count` workers for the class, as far as providers and the round allow."""
        wanted = honour(entry.demand, entry.providers)
        reasons = {offer.name: provider_cannot(wanted, offer) for offer in entry.providers}
        able = [offer for offer in entry.providers if reasons[offer.name] is None]
        for ranked in rank_providers(self.strategy, able, wanted, self.turn):
            if count:
                count -= self._make(wanted, ranked, count)
            reasons[ranked.offer.name] = provider_is_closed(self._as_now(ranked.offer), self.now)
        if count:
            told = {name: reason for name, reason in reasons.items() if reason is not None}
            full = tuple(offer for offer in map(self._as_now, able) if self._is_just_full(offer))
            self.unserved.append(
                Unserved(demand=entry.demand, count=count, reasons=told, full=full, starving=entry.starving)
            )

    def _make(self, demand: DemandClass, ranked: Ranked[ProviderOffer], count: int) -> int:
        offer = self._as_now(ranked.offer)
        if provider_is_closed(offer, self.now) is not None:
            return 0
        count = min(count, self.most, offer.room)
        if count == 0:
            return 0
        self.made[offer.provider_id] += count
        self.made_in[offer.provider_id, offer.pool] += count
        self.most -= count
        self.turn += 1
        self.creations.append(
            Creation(
                demand=demand,
                provider_id=offer.provider_id,
                provider=offer.name,
                count=count,
                score=ranked.score,
                reasons=ranked.reasons,
            )
        )
        return count

    def _as_now(self, offer: ProviderOffer) -> ProviderOffer:
        return evolve(
            offer,
            live_workers=offer.live_workers + self.made[offer.provider_id],
            pool_live=offer.pool_live + self.made_in[offer.provider_id, offer.pool],
        )

    def _is_just_full(self, offer: ProviderOffer) -> bool:
        free = evolve(offer, live_workers=0, max_workers=1, pool_live=0, pool_max=None)
        return offer.room == 0 and provider_is_closed(free, self.now) is None


def plan_warm(
    wanted: Sequence[tuple[WarmPool, ProviderOffer]], coming: Iterable[WorkerOffer], *, now: datetime
) -> Plan:
    """Workers that are missing in pools of which some idle ones are to be kept. `wanted`: each such pool, and
    what its provider offers for it. `coming` are the idle and the starting ones.
    """
    kept = kept_warm([pool for pool, _ in wanted], coming)
    creations: list[Creation] = []
    made: Counter[ProviderId] = Counter()
    for (pool, before), ids in zip(wanted, kept, strict=True):
        offer = evolve(before, live_workers=before.live_workers + made[before.provider_id])
        count = min(pool.min_idle - len(ids), offer.room)
        closed = provider_is_closed(offer, now) or provider_cannot(pool.demand, offer)
        if count > 0 and closed is None:
            made[offer.provider_id] += count
            creations.append(
                Creation(
                    demand=pool.demand,
                    provider_id=offer.provider_id,
                    provider=offer.name,
                    count=count,
                    score=1.0,
                    reasons=(f"keeps {pool.min_idle} idle",),
                )
            )
    return Plan(creations=tuple(creations), needed=frozenset(id for ids in kept for id in ids))


def _missing(waiting: Sequence[Waiting], coming: Sequence[WorkerOffer]) -> tuple[list[int], set[WorkerId]]:
    """For each class how many jobs no coming worker will serve; and those workers that will."""
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
    return missing, taken
