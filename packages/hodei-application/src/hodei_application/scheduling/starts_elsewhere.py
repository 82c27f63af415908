"""Starts of workers that other replicas see to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from attrs import define, field
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.worker import STARTING, Worker, WorkerState

from hodei_application.scheduling.backoffs import Backoffs
from hodei_application.scheduling.landscape import Landscape


@define(eq=False)
class StartsElsewhere:
    """Learns from the rows of workers how their starts went: failures at a provider are in the memory of its
    keeper alone, and who plans must not have the next worker made at once.
    """

    landscape: Landscape
    backoffs: Backoffs
    _starting: dict[WorkerId, Worker] = field(factory=dict, init=False)

    def look(self, live: Sequence[Worker], at: datetime) -> None:
        """All workers there are."""
        present = {worker.id: worker for worker in live}
        for worker in self._starting.values():
            if worker.provider_id is None:
                continue
            seen = present.get(worker.id)
            if seen is None or (seen.state is WorkerState.TERMINATING and seen.registered_at is None):
                self.backoffs.failed(worker.provider_id, worker.demand.key, at, seen.reason if seen else "")
            elif seen.registered_at is not None:
                self.backoffs.worked(worker.provider_id, worker.demand.key)
        self._starting = {}
        self.intend(worker for worker in live if worker.state in STARTING)

    def intend(self, workers: Iterable[Worker]) -> None:
        """These are to be made."""
        elsewhere = (worker for worker in workers if not self.landscape.keeps(worker.provider_id))
        self._starting.update((worker.id, worker) for worker in elsewhere)

    def forgive(self, workers: Iterable[Worker]) -> None:
        """These were not wanted any more: that is no failure."""
        for worker in workers:
            self._starting.pop(worker.id, None)
