"""Cancel a job."""

from __future__ import annotations

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.ids import JobId

from hodei_application.jobs.lock_job import lock_job
from hodei_application.jobs.moves import Moves
from hodei_application.ports import Clock, UnitOfWork
from hodei_application.signals import WISH, Signals
from hodei_application.workers.commands import CancelAttempt
from hodei_application.workers.connected import ConnectedWorkers


@frozen(kw_only=True)
class CancelJob:
    """Stop a job, queued or running. Cancelling twice is not an error.

    In the queue it ends at once. Else the wish is kept: its worker is told now if it is connected here, by
    another replica when that reads the wish, and again whenever the worker binds; the reaper sees to it
    that the job ends in any case. Raises JobNotFound, IllegalMove when the job has another end.
    """

    begin: UnitOfWork
    now: Clock
    connected: ConnectedWorkers
    moves: Moves
    signals: Signals

    async def __call__(self, job_id: JobId, *, by: str = "", reason: str = "") -> Job:
        async with self.begin() as tx:
            job = await lock_job(tx, job_id)
            change = job.cancel(at=self.now(), by=by, reason=reason)
            if not change.is_same:
                await tx.jobs.save([change])
        self.moves([change.after])
        self._tell_worker(change.after)
        return change.after

    def _tell_worker(self, job: Job) -> None:
        worker_id = job.worker_id
        if worker_id is not None and not self.connected.send(worker_id, cancel_command(job)):
            self.signals.tell_others(WISH)


def cancel_command(job: Job, reason: str = "cancelled") -> CancelAttempt:
    """What its worker is told."""
    return CancelAttempt(job.id, job.attempt, job.spec.clocks.grace, reason)
