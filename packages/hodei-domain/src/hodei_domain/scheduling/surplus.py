"""Which workers make way: for jobs that need their place, or because nobody wants them any more."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.providers.pools import PoolKey
from hodei_domain.scheduling.offers import ProviderOffer
from hodei_domain.scheduling.provision import Unserved
from hodei_domain.workers.worker import GOING, STARTING, Worker, WorkerState

UNWANTED_AFTER = timedelta(seconds=2)
"""How long a worker has been in the making before it may be given up: stopping one that is there in a moment
saves nothing, and the next job may want it.
"""

PATIENCE = timedelta(seconds=30)
"""How long a class waits, without any worker that could serve it, before a busy worker of another class is
drained for it. A change costs a start, so it must not happen for each job.
"""


@frozen
class Member:
    """A live worker that a provider made, and the pool it belongs to."""

    worker: Worker
    provider_id: ProviderId
    pool: PoolKey


@frozen(kw_only=True)
class GivenUp:
    """A worker that is to go, at once or (`drain`) when its job is done; and why."""

    worker: Worker
    why: str
    drain: bool = False


def give_up(
    members: Sequence[Member],
    unserved: Iterable[Unserved],
    needed: Collection[WorkerId],
    warm: Collection[WorkerId] = frozenset(),
    *,
    now: datetime,
) -> list[GivenUp]:
    """Whom to give up: workers in the making that nobody needs, and at providers that are full those that
    stand in the way of waiting jobs.

    `needed` are those on which waiting jobs count; `warm` those that rules keep for jobs to come, which go
    last: a job that waits is worth more than one that may come. No more go than there are jobs to profit
    from it; those that are going already count.
    """
    going = [
        GivenUp(worker=member.worker, why="no job waits for it any more")
        for member in members
        if member.worker.id not in needed
        and member.worker.id not in warm
        and _is_unwanted(member.worker, now)
    ]
    places = _Places(members, needed, warm, {each.worker.id for each in going})
    for entry in unserved:
        count = entry.count
        for offer in entry.full:
            count -= places.clear(offer, count)
        if count == entry.count and entry.starving:
            places.drain_for(entry)
    return going + places.given_up


@frozen
class Limit:
    """So many workers may a provider have, or (with `pool`) one of its pools."""

    most: int
    provider_id: ProviderId
    pool: PoolKey | None = None


def beyond_limits(
    members: Sequence[Member], limits: Iterable[Limit], warm: Collection[WorkerId] = frozenset()
) -> list[GivenUp]:
    """Those that are too many since a limit became smaller: first those that have not come yet, then idle
    ones (`warm` ones last), then busy ones, each after its job. Whoever is going already counts as gone.
    """
    staying = [m for m in members if m.worker.state not in (*GOING, WorkerState.DRAINING)]
    given_up: dict[WorkerId, GivenUp] = {}
    for limit in limits:
        under = [
            m
            for m in staying
            if m.provider_id == limit.provider_id
            and limit.pool in (None, m.pool)
            and m.worker.id not in given_up
        ]
        too_many = len(under) - limit.most
        if too_many > 0:
            under.sort(key=lambda m: _dispensable(m.worker, warm))
            why = f"there may be at most {limit.most} workers now"
            for member in under[:too_many]:
                drain = member.worker.job_id is not None
                given_up[member.worker.id] = GivenUp(worker=member.worker, why=why, drain=drain)
    return list(given_up.values())


def _dispensable(worker: Worker, warm: Collection[WorkerId]) -> tuple[int, bool, datetime, WorkerId]:
    order = 0 if worker.state in STARTING else 1 if worker.job_id is None else 2
    return (order, worker.id in warm, worker.idle_since or worker.created_at, worker.id)


def _is_unwanted(worker: Worker, now: datetime) -> bool:
    return worker.state is WorkerState.CREATING and now - worker.created_at >= UNWANTED_AFTER


class _Places:
    """The places at full providers, and who leaves them."""

    def __init__(
        self,
        members: Sequence[Member],
        needed: Collection[WorkerId],
        warm: Collection[WorkerId],
        going: Collection[WorkerId],
    ) -> None:
        self.given_up: list[GivenUp] = []
        self._leaving = Counter(
            m.provider_id
            for m in members
            if m.worker.state is WorkerState.TERMINATING or m.worker.id in going
        )
        self._draining = Counter(m.provider_id for m in members if m.worker.state is WorkerState.DRAINING)
        self._starving: Counter[ProviderId] = Counter()
        self._idle = [m for m in members if m.worker.state is WorkerState.READY and m.worker.id not in needed]
        self._idle.sort(
            key=lambda m: (m.worker.id in warm, m.worker.idle_since or m.worker.created_at, m.worker.id)
        )
        self._busy = [m for m in members if m.worker.state is WorkerState.BUSY]

    def clear(self, offer: ProviderOffer, count: int) -> int:
        """Have places become free at this provider for `count` jobs; for how many it will be so."""
        cleared = min(count, self._leaving[offer.provider_id])
        self._leaving[offer.provider_id] -= cleared
        most = count if offer.pool_room is None else min(count, offer.pool_room)
        for member in [m for m in self._idle if m.provider_id == offer.provider_id]:
            same_pool = member.pool == offer.pool
            if cleared < (count if same_pool else most):
                self._idle.remove(member)
                self.given_up.append(GivenUp(worker=member.worker, why="it makes room for other jobs"))
                cleared += 1
        return cleared

    def drain_for(self, entry: Unserved) -> None:
        """Have one busy worker end after its job, of the pool that has the most, where the class could run;
        unless one drains already for each class that starves there.
        """
        for offer in entry.full:
            there = offer.provider_id
            self._starving[there] += 1
            busy = [m for m in self._busy if m.provider_id == there and offer.pool_room != 0]
            if self._draining[there] >= self._starving[there] or not busy:
                continue
            many = Counter(member.pool for member in busy)
            chosen = min(busy, key=lambda m: (-many[m.pool], m.worker.created_at, m.worker.id))
            self._busy.remove(chosen)
            self._draining[there] += 1
            why = "it makes room for other jobs that have waited for long"
            self.given_up.append(GivenUp(worker=chosen.worker, why=why, drain=True))
            return
