"""Send a worker the attempt that its row says it has and that nobody told it of."""

from __future__ import annotations

import logging

from attrs import frozen
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.workers.worker import Worker

from hodei_application.ports import UnitOfWork
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.hello import is_live
from hodei_application.workers.link import LinkClosed, Undeliverable

log = logging.getLogger("hodei.workers")


@frozen(kw_only=True)
class Redeliver:
    """Whoever gave the job to the worker may not know that it did: the answer to its commit was lost, or its
    stream to the worker was dead already.

    Such a job would wait for ever, because the worker is well and its lease is renewed.
    """

    begin: UnitOfWork
    connected: ConnectedWorkers

    def is_due(self, worker: Worker, job: Job) -> bool:
        """Whether the worker is here, and does not know what it has."""
        here = self.connected.get(worker.id) is not None
        waits = job.state is JobState.SCHEDULED and is_live(job, worker.attempt or 0, worker.id)
        return here and waits and not self.connected.is_aware(worker.id, job.id, job.attempt)

    async def __call__(self, worker: Worker, job: Job) -> None:
        """Send it, if that is so still: the row stays locked until it is sent, so nobody gives it back
        meanwhile.
        """
        async with self.begin() as tx:
            locked = (await tx.jobs.lock([job.id])).get(job.id)
            connection = self.connected.get(worker.id)
            if locked is None or connection is None or not self.is_due(worker, locked):
                return
            try:
                connection.run(locked)
                log.info("Told worker %s again of job %s", worker.id, job.id)
            except LinkClosed:
                pass  # its worker comes back without it
            except Undeliverable:
                connection.link.close("it cannot be told of its job")  # it comes back without it, too
