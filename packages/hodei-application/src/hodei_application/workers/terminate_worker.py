"""Take a worker out of service at once."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.errors import ChangedMeanwhile, Conflict, Kind
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.logs.chunk import LogChunk
from hodei_domain.workers.errors import WorkerNotFound
from hodei_domain.workers.worker import Worker

from hodei_application.jobs.moves import Moves
from hodei_application.logs.lost_output import mark_lost_output
from hodei_application.ports import Clock, Transaction, UnitOfWork
from hodei_application.repeat import repeat
from hodei_application.scheduling.dispatcher import Dispatcher
from hodei_application.signals import CLEANUP, Signals
from hodei_application.workers.commands import DrainWorker
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.hello import is_live

_AT_ONCE = timedelta(0)


class WorkerBusy(Conflict):
    """The worker holds a job that would be lost."""

    kind, code = Kind.CONFLICT, "worker.busy"


@frozen
class Terminated:
    """The worker as it is now, and the job that was taken from it."""

    worker: Worker
    lost: Job | None
    mark: LogChunk | None = None


@frozen
class UnregisterWorker:
    """A worker leaves for good. Gives how many jobs it left behind: 0 or 1. Raises WorkerNotFound,
    WorkerBusy.
    """

    terminate: Terminate

    async def __call__(self, worker_id: WorkerId, *, force: bool = False, reason: str = "") -> int:
        done = await self.terminate(worker_id, force=force, reason=reason or "the worker left")
        return 0 if done.lost is None else 1


@frozen(kw_only=True)
class Terminate:
    """Have a worker destroyed; what it runs is lost, and its job's policy decides.

    Without `force` a worker with a job is left alone. Twice is not an error. Raises WorkerNotFound,
    WorkerBusy.
    """

    begin: UnitOfWork
    now: Clock
    connected: ConnectedWorkers
    moves: Moves
    dispatcher: Dispatcher
    signals: Signals

    async def __call__(self, worker_id: WorkerId, *, force: bool = True, reason: str = "") -> Terminated:
        why = reason or "terminated by an operator"
        done = await repeat(lambda: self._terminate(worker_id, force, why))
        self.connected.update([done.worker])
        self.connected.send(worker_id, DrainWorker(_AT_ONCE, why))
        if done.mark is not None:
            self.moves.logs.stored(done.mark)
        moved = [] if done.lost is None else [done.lost]
        self.moves(moved)
        self.dispatcher.look(moved)
        self.signals.cleanup()
        self.signals.tell_others(CLEANUP)
        return done

    async def _terminate(self, worker_id: WorkerId, force: bool, why: str) -> Terminated:
        async with self.begin() as tx:
            known = (await tx.workers.find([worker_id])).get(worker_id)
            if known is None:
                raise WorkerNotFound(f"there is no worker {worker_id}")
            job = await self._held(tx, known)
            worker = (await tx.workers.lock([worker_id]))[worker_id]
            if worker.job_id != known.job_id:
                raise ChangedMeanwhile(f"worker {worker_id} changed its job")
            if job is not None and not force:
                raise WorkerBusy(f"worker {worker_id} runs job {job.id}")
            at = self.now()
            change = worker.terminate(at=at, why=why)
            lost = mark = None
            if job is not None:
                if job.started_at is not None:
                    mark = await mark_lost_output(tx, job, f"worker {worker_id}: {why}", at)
                lost = job.lose(job.attempt, at=at, why=why)
                change = change.then(lambda w: w.free(at=at))
                await tx.jobs.save([lost])
            await tx.workers.save([change])
        return Terminated(change.after, None if lost is None else lost.after, mark)

    async def _held(self, tx: Transaction, worker: Worker) -> Job | None:
        if worker.job_id is None:
            return None
        job = (await tx.jobs.lock([worker.job_id])).get(worker.job_id)
        return job if is_live(job, worker.attempt or 0, worker.id) else None
