"""Let a worker finish and go."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.errors import WorkerNotFound
from hodei_domain.workers.worker import GOING, Worker, WorkerState

from hodei_application.ports import Clock, UnitOfWork
from hodei_application.scheduling.pool_terms import PoolTerms
from hodei_application.signals import CLEANUP, WISH, Signals
from hodei_application.workers.commands import DrainWorker
from hodei_application.workers.connected import ConnectedWorkers

DEADLINE = timedelta(minutes=10)
"""For the job of a worker that has to go, where its pool says nothing."""


@frozen(kw_only=True)
class Drain:
    """Give a worker no new work; it goes when its job is done, at the latest after the deadline: None is the
    one of its pool.

    One that holds no job goes at once. Twice is not an error. Raises WorkerNotFound.
    """

    begin: UnitOfWork
    now: Clock
    connected: ConnectedWorkers
    terms: PoolTerms
    signals: Signals

    async def __call__(
        self,
        worker_id: WorkerId,
        *,
        deadline: timedelta | None = None,
        reason: str = "drained by an operator",
    ) -> Worker:
        async with self.begin() as tx:
            worker = (await tx.workers.lock([worker_id])).get(worker_id)
            if worker is None:
                raise WorkerNotFound(f"there is no worker {worker_id}")
            at = self.now()
            if deadline is None:
                patience = self.terms.of(worker).drain_within
                deadline = DEADLINE if patience is None else patience
            change = worker.drain(at=at, deadline=at + deadline, why=reason)
            if change.after.state is WorkerState.DRAINING and change.after.job_id is None:
                change = change.then(lambda w: w.terminate(at=at, why=reason))
            await tx.workers.save([change])
        self._tell(change.after, DrainWorker(deadline, reason))
        return change.after

    def _tell(self, worker: Worker, command: DrainWorker) -> None:
        self.connected.update([worker])
        if not self.connected.send(worker.id, command):
            self.signals.tell_others(WISH)
        if worker.state in GOING:
            self.signals.cleanup()
            self.signals.tell_others(CLEANUP)
