"""Give a job to a worker by hand."""

from __future__ import annotations

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.errors import Conflict, Kind
from hodei_domain.kernel.ids import JobId, WorkerId

from hodei_application.jobs.lock_job import lock_job
from hodei_application.ports import UnitOfWork
from hodei_application.repeat import repeat
from hodei_application.scheduling.dispatcher import Assigned, Dispatcher
from hodei_application.workers.connected import ConnectedWorkers, Connection


class WorkerNotHere(Conflict):
    """The worker's stream is not held by this server, so nothing can be given to it here."""

    kind, code = Kind.CONFLICT, "worker.not-here"


@frozen
class AssignJob:
    """Let this worker run this job, past the queue's order; whether it suits is the caller's business.

    Raises JobNotFound, IllegalMove unless the job is queued, IllegalWorkerMove unless the worker is idle,
    WorkerNotHere.
    """

    begin: UnitOfWork
    connected: ConnectedWorkers
    dispatcher: Dispatcher

    async def __call__(self, job_id: JobId, worker_id: WorkerId) -> Job:
        connection = self.connected.get(worker_id)
        if connection is None:
            raise WorkerNotHere(f"worker {worker_id} is not connected to this server")
        assigned = await repeat(lambda: self._assign(job_id, connection))
        await self.dispatcher.deliver([assigned])
        return assigned.job.after

    async def _assign(self, job_id: JobId, connection: Connection) -> Assigned:
        async with self.begin() as tx:
            job = await lock_job(tx, job_id)
            worker = (await tx.workers.lock([connection.worker.id]))[connection.worker.id]
            at, leased_at = self.dispatcher.now(), self.dispatcher.monotonic()
            taken = job.assign(worker.id, at=at, score=1.0, reasons=("assigned by hand",))
            busy = worker.take(job.id, taken.after.attempt, at=at)
            await tx.jobs.save([taken])
            await tx.workers.save([busy])
        return Assigned(connection, taken, busy, leased_at)
