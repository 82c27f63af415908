"""Tell workers again what is wanted of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from attrs import frozen
from hodei_domain.jobs.clocks import next_deadline
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import Reason
from hodei_domain.kernel.ids import JobId
from hodei_domain.workers.worker import GOING, Worker, WorkerState

from hodei_application.jobs.cancel_job import cancel_command
from hodei_application.ports import Clock, UnitOfWork
from hodei_application.workers.commands import DrainWorker
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.hello import is_live
from hodei_application.workers.redeliver import Redeliver

ASKED_FOR = frozenset({Reason.TIMEOUT_TOTAL, Reason.TIMEOUT_EXECUTION})

AS_LONG_AS_IT_TAKES = timedelta(days=366)
"""For a worker's job, where nothing sets a deadline: the wire has no word for none."""


@frozen(kw_only=True)
class ResendWishes:
    """Read the rows of the workers connected here, and of their jobs, and send what another replica wrote
    there: cancels, clocks that ran out, drains, and jobs that were given to them unheard. All of it may reach
    a worker twice.
    """

    begin: UnitOfWork
    now: Clock
    connected: ConnectedWorkers
    redeliver: Redeliver

    async def __call__(self) -> None:
        connections = list(self.connected)
        if not connections:
            return
        async with self.begin() as tx:
            workers = await tx.workers.find([c.worker.id for c in connections])
            held = {worker.job_id for worker in workers.values() if worker.job_id is not None}
            jobs = await tx.jobs.find(held) if held else {}
        self.connected.update(workers.values())
        for worker in workers.values():
            await self._tell(worker, jobs)

    async def _tell(self, worker: Worker, jobs: Mapping[JobId, Job]) -> None:
        job = None if worker.job_id is None else jobs.get(worker.job_id)
        if job is not None and self.redeliver.is_due(worker, job):
            await self.redeliver(worker, job)
        if job is not None and is_live(job, worker.attempt or 0, worker.id):
            self._tell_of_job(worker, job)
        if worker.state is WorkerState.DRAINING:
            left = AS_LONG_AS_IT_TAKES if worker.drain_by is None else worker.drain_by - self.now()
            self.connected.send(worker.id, DrainWorker(max(left, timedelta(0)), worker.reason))
        elif worker.state in GOING:
            self.connected.send(worker.id, DrainWorker(timedelta(0), worker.reason))

    def _tell_of_job(self, worker: Worker, job: Job) -> None:
        if job.cancel_wish is not None:
            self.connected.send(worker.id, cancel_command(job))
            return
        deadline = next_deadline(job)
        if deadline is not None and deadline.clock in ASKED_FOR and deadline.at <= self.now():
            self.connected.send(worker.id, cancel_command(job, deadline.clock))
