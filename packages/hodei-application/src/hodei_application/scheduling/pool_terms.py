"""The terms of pools, as the providers and the configuration are at present."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.providers.pools import PoolKey
from hodei_domain.scheduling.offers import WorkerOffer, offer_of
from hodei_domain.scheduling.surplus import Limit
from hodei_domain.scheduling.terms import Terms, WarmPool, terms_of, warm_pools
from hodei_domain.scheduling.warm import kept_warm
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_application.scheduling.census import Census
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.live_config import LiveConfig


@frozen
class PoolTerms:
    """Asked anew for each decision, so that a change holds at once, for workers that exist too."""

    landscape: Landscape
    config: LiveConfig

    def of(self, worker: Worker) -> Terms:
        """What holds for this worker."""
        return self.at(worker.provider_id, worker.demand)

    def at(self, provider_id: ProviderId | None, demand: DemandClass) -> Terms:
        """What holds for a worker of this class there."""
        return terms_of(self.landscape.provider(provider_id), demand, self.config.now)

    def warm(self) -> list[WarmPool]:
        """All pools of which idle workers are to be kept."""
        return [pool for provider in self.landscape for pool in warm_pools(provider, self.config.now)]

    def keep_any(self) -> bool:
        """Whether there are such pools."""
        return any(True for provider in self.landscape for _ in warm_pools(provider, self.config.now))

    def limits(self, workers: Iterable[Worker]) -> list[Limit]:
        """How many workers there may be of each pool that has some, and then of each provider."""
        pools: dict[tuple[ProviderId, PoolKey], Limit] = {}
        for worker in workers:
            provider = self.landscape.provider(worker.provider_id)
            if provider is not None:
                pool = provider.pool_for(worker.demand)
                if pool.rules.max_workers is not None:
                    limit = Limit(pool.rules.max_workers, provider.id, pool.key)
                    pools[provider.id, pool.key] = limit
        return [*pools.values(), *(Limit(provider.max_workers, provider.id) for provider in self.landscape)]

    def offer(self, worker: Worker) -> WorkerOffer:
        """What the worker offers."""
        return self.landscape.placed(offer_of(worker), worker.provider_id)

    def kept(self, workers: Iterable[Worker]) -> frozenset[WorkerId]:
        """Those of the idle ones among them that must not go for being idle."""
        idle = [self.offer(worker) for worker in workers if worker.state is WorkerState.READY]
        return frozenset(id for ids in kept_warm(self.warm(), idle) for id in ids)

    def census(self, workers: Iterable[Worker]) -> Census:
        """Count workers by provider and pool."""
        census = Census()
        for worker in workers:
            if worker.provider_id is not None:
                census.add(worker.provider_id, self.of(worker).pool)
        return census
