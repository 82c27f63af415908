"""Give a job to a worker by hand."""

from __future__ import annotations

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.errors import Conflict, Kind
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.workers.errors import IllegalWorkerMove
from hodei_domain.workers.worker import GOING, Worker, WorkerState

from hodei_application.jobs.lock_job import lock_job
from hodei_application.ports import UnitOfWork
from hodei_application.repeat import repeat
from hodei_application.scheduling.dispatcher import Assigned, Dispatcher
from hodei_application.scheduling.kinds import Kinds
from hodei_application.workers.connected import ConnectedWorkers, Connection


class WorkerNotHere(Conflict):
    """The worker's stream is not held by this server, so nothing can be given to it here."""

    kind, code = Kind.CONFLICT, "worker.not-here"


class WorkerUnsuited(Conflict):
    """The worker cannot give the job what it asks for."""

    kind, code = Kind.CONFLICT, "worker.unsuited"


@frozen
class AssignJob:
    """Let this worker run this job, past the queue's order and the job's preferences; what the job demands
    the worker must have.

    Raises JobNotFound, IllegalMove unless the job is queued, WorkerNotFound, IllegalWorkerMove unless the
    worker is idle, WorkerNotHere, WorkerUnsuited.
    """

    begin: UnitOfWork
    connected: ConnectedWorkers
    dispatcher: Dispatcher
    kinds: Kinds

    async def __call__(self, job_id: JobId, worker_id: WorkerId) -> Job:
        connection = self.connected.get(worker_id)
        if connection is None:
            raise await self._not_here(worker_id)
        if self.connected.is_silent(connection):
            raise WorkerNotHere(f"worker {worker_id} takes no work: it has not been heard of lately")
        assigned = await repeat(lambda: self._assign(job_id, connection))
        await self.dispatcher.deliver([assigned])
        return assigned.job.after

    async def _assign(self, job_id: JobId, connection: Connection) -> Assigned:
        async with self.begin() as tx:
            job = await lock_job(tx, job_id)
            worker = (await tx.workers.lock([connection.worker.id]))[connection.worker.id]
            at, leased_at = self.dispatcher.now(), self.dispatcher.monotonic()
            taken = job.assign(worker.id, at=at, score=1.0, reasons=("assigned by hand",))
            self._must_suit(worker, job)
            busy = worker.take(job.id, taken.after.attempt, at=at)
            await tx.jobs.save([taken])
            await tx.workers.save([busy])
        return Assigned(connection, taken, busy, leased_at)

    def _must_suit(self, worker: Worker, job: Job) -> None:
        if not worker.takes_work:
            return  # which is refused for that
        refusals = self.kinds.refusals(worker, job.demand)
        if refusals:
            raise WorkerUnsuited(f"worker {worker.id} cannot run job {job.id}: it {'; '.join(refusals)}")

    async def _not_here(self, worker_id: WorkerId) -> Conflict:
        async with self.begin() as tx:
            worker = await tx.workers.get(worker_id)
        if worker.connected and worker.state not in GOING:
            return WorkerNotHere(f"worker {worker_id} is connected to another server: ask that one")
        state = worker.state if worker.state is not WorkerState.READY else "not connected"
        return IllegalWorkerMove(f"worker {worker_id} takes no work: it is {state}")
