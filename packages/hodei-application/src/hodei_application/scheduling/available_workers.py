"""Which workers could take a job now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from attrs import evolve, field, frozen
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.values import Constraint, Resources
from hodei_domain.scheduling.choose import rank_workers
from hodei_domain.scheduling.eligible import worker_cannot
from hodei_domain.scheduling.offers import WorkerOffer, offer_of
from hodei_domain.workers.ports import WorkerFilter
from hodei_domain.workers.worker import WorkerState

from hodei_application.ports import Clock
from hodei_application.scheduling.live_config import LiveConfig
from hodei_application.scheduling.match import load_share
from hodei_application.workers.list_workers import ListWorkers, WorkerView


@frozen(kw_only=True)
class WorkersWanted:
    """Conditions on workers. Empty ones hold for all. `max_age` is the longest time since a worker was heard.
    Of those that are READY only those are meant that could take a job now.
    """

    labels: Mapping[str, str] = field(factory=dict)
    constraints: tuple[Constraint, ...] = ()
    resources: Resources = field(factory=Resources)
    max_age: timedelta | None = None
    states: frozenset[WorkerState] = frozenset({WorkerState.READY})


@frozen
class AvailableWorker:
    """A worker, how the scheduler's present strategy ranks it (the best 1.0), and why."""

    view: WorkerView
    score: float
    reasons: tuple[str, ...]


@frozen(kw_only=True)
class GetAvailableWorkers:
    """The workers that meet the conditions, the best first."""

    now: Clock
    config: LiveConfig
    list_workers: ListWorkers

    async def __call__(self, wanted: WorkersWanted) -> list[AvailableWorker]:
        views = await self.list_workers(WorkerFilter(states=wanted.states, limit=10_000))
        demand = DemandClass(constraints=wanted.constraints, resources=wanted.resources)
        fitting = {view.worker.id: view for view in views if self._fits(view, wanted, demand)}
        offers = [_offer(view) for view in fitting.values()]
        ranked = rank_workers(self.config.now.worker_strategy, offers, demand)
        return [AvailableWorker(fitting[r.offer.worker_id], r.score, r.reasons) for r in ranked]

    def _fits(self, view: WorkerView, wanted: WorkersWanted, demand: DemandClass) -> bool:
        worker = view.worker
        heard = worker.last_heartbeat or worker.changed_at
        if wanted.max_age is not None and self.now() - heard > wanted.max_age:
            return False
        landscape = self.list_workers.terms.landscape
        closed = not worker.takes_work or landscape.out_of_use(worker.provider_id)
        if worker.state is WorkerState.READY and closed:
            return False
        if any(worker.labels.get(key) != value for key, value in wanted.labels.items()):
            return False
        # Which image it runs is not asked here, and a container's size is what it has.
        offer = evolve(landscape.placed(_offer(view), worker.provider_id), shape=None)
        return worker_cannot(evolve(demand, image=worker.demand.image), offer) is None


def _offer(view: WorkerView) -> WorkerOffer:
    return offer_of(view.worker, view.provider, load=load_share(view.usage))
