"""List workers."""

from __future__ import annotations

from attrs import frozen
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.scheduling.terms import Terms
from hodei_domain.workers.ports import WorkerFilter
from hodei_domain.workers.worker import Worker

from hodei_application.ports import UnitOfWork
from hodei_application.scheduling.pool_terms import PoolTerms
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.usage import Usage


@frozen(kw_only=True)
class WorkerView:
    """A worker, its provider's name, the terms of its pool, and what its last heartbeat said if its stream is
    held here.
    """

    worker: Worker
    provider: str
    terms: Terms
    usage: Usage | None = None


@frozen
class ListWorkers:
    """Workers, newest first."""

    begin: UnitOfWork
    terms: PoolTerms
    connected: ConnectedWorkers

    async def __call__(self, wanted: WorkerFilter) -> list[WorkerView]:
        async with self.begin() as tx:
            workers = await tx.workers.list_workers(wanted)
        return [self.view(worker) for worker in workers]

    def view(self, worker: Worker) -> WorkerView:
        """What is known of a worker besides its row."""
        connection = self.connected.get(worker.id)
        usage = None if connection is None else connection.usage
        return WorkerView(
            worker=worker,
            provider=self.terms.landscape.name(worker.provider_id),
            terms=self.terms.of(worker),
            usage=usage,
        )


@frozen
class GetWorker:
    """Read a worker. Raises WorkerNotFound."""

    list_workers: ListWorkers

    async def __call__(self, worker_id: WorkerId) -> WorkerView:
        async with self.list_workers.begin() as tx:
            worker = await tx.workers.get(worker_id)
        return self.list_workers.view(worker)
