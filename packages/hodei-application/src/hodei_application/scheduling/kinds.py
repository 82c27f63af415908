"""Which workers can serve which classes, asked once for each kind of worker."""

from __future__ import annotations

from collections.abc import Hashable
from weakref import WeakValueDictionary

from attrs import define, field
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.kernel.values import PullPolicy
from hodei_domain.scheduling.eligible import honour, worker_cannot, worker_refusals
from hodei_domain.scheduling.offers import WorkerOffer, offer_of
from hodei_domain.workers.worker import Worker

from hodei_application.scheduling.landscape import Landscape

ROOM = 10_000
"""Classes for which answers are kept."""


@define(eq=False)
class Kind:
    """Workers that differ in nothing that a class can ask for, and what is known of what they serve."""

    own: WorkerOffer  # without what its provider adds
    provider_id: ProviderId | None
    offer: WorkerOffer = field(init=False)
    answers: dict[str, bool] = field(factory=dict, init=False)
    generation: int = field(default=-1, init=False)


@define(eq=False)
class Kinds:
    """Remembers whether a kind of worker can serve a class, until the providers change.

    A kind lives as long as somebody refers to it, so labels that are different for each worker cost nothing
    for long.
    """

    landscape: Landscape
    _kinds: WeakValueDictionary[Hashable, Kind] = field(factory=WeakValueDictionary, init=False)
    _wanted: dict[str, DemandClass] = field(factory=dict, init=False)
    _generation: int = field(default=-1, init=False)

    def of(self, worker: Worker) -> Kind:
        """The worker's kind."""
        key = (
            worker.demand.key,
            worker.demand.pull is PullPolicy.ALWAYS and worker.jobs_done > 0,
            worker.provider_id,
            worker.architecture,
            worker.capacity,
            frozenset(worker.labels.items()),
        )
        kind = self._kinds.get(key)
        if kind is None:
            kind = Kind(offer_of(worker), worker.provider_id)
            self._kinds[key] = kind
        return kind

    def can(self, kind: Kind, demand: DemandClass) -> bool:
        """Whether workers of this kind serve the class, preferences weighed."""
        generation = self.landscape.generation
        if kind.generation != generation or len(kind.answers) > ROOM:
            kind.generation = generation
            kind.answers.clear()
            kind.offer = self.landscape.placed(kind.own, kind.provider_id)
        answer = kind.answers.get(demand.key)
        if answer is None:
            in_use = not self.landscape.out_of_use(kind.provider_id)
            answer = in_use and worker_cannot(self.wanted(demand), kind.offer) is None
            kind.answers[demand.key] = answer
        return answer

    def refusals(self, worker: Worker, demand: DemandClass) -> list[str]:
        """Everything that keeps this worker from serving the class; preferences are no part of it."""
        out_of_use = self.landscape.out_of_use(worker.provider_id)
        told = [f"its provider {out_of_use}"] if out_of_use else []
        offer = self.landscape.placed(offer_of(worker), worker.provider_id)
        return told + list(worker_refusals(demand, offer))

    def wanted(self, demand: DemandClass) -> DemandClass:
        """The class with those of its preferences that bind at present."""
        if not demand.preferred_provider and not demand.preferred_region:
            return demand
        if self._generation != self.landscape.generation or len(self._wanted) > ROOM:
            self._generation = self.landscape.generation
            self._wanted.clear()
        wanted = self._wanted.get(demand.key)
        if wanted is None:
            wanted = honour(demand, self.landscape.offers(demand))
            self._wanted[demand.key] = wanted
        return wanted
