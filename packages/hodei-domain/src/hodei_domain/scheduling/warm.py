"""Which idle workers are kept, though no job waits for them."""

from collections.abc import Collection, Iterable, Sequence

from hodei_domain.kernel.ids import WorkerId
from hodei_domain.scheduling.eligible import worker_cannot
from hodei_domain.scheduling.offers import WorkerOffer
from hodei_domain.scheduling.terms import WarmPool


def kept_warm(wanted: Sequence[WarmPool], workers: Iterable[WorkerOffer]) -> list[list[WorkerId]]:
    """For each pool those of the workers (idle or starting) that count for it, at most as many as it keeps.

    A worker counts once: first for the pool it was made for, then for others whose jobs it can serve. Those
    that were idle last are kept, starting ones after all idle ones.
    """
    ordered = sorted(workers, key=lambda offer: offer.worker_id)
    ordered.sort(key=lambda offer: offer.idle_since.timestamp() if offer.idle_since else 0.0, reverse=True)
    kept: list[list[WorkerId]] = [[] for _ in wanted]
    taken: set[WorkerId] = set()
    for own in (True, False):
        for pool, ids in zip(wanted, kept, strict=True):
            found = [offer.worker_id for offer in ordered if _counts(pool, offer, taken, own=own)]
            ids.extend(found[: pool.min_idle - len(ids)])
            taken.update(ids)
    return kept


def _counts(pool: WarmPool, offer: WorkerOffer, taken: Collection[WorkerId], *, own: bool) -> bool:
    return (
        offer.worker_id not in taken
        and offer.provider == pool.provider
        and (not own or offer.made_for == pool.demand.key)
        and worker_cannot(pool.demand, offer) is None
    )
