"""Why a job waits."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import JobId
from hodei_domain.scheduling.eligible import worker_cannot
from hodei_domain.scheduling.why import PendingReason, why_pending
from hodei_domain.workers.worker import STARTING, Worker, WorkerState

from hodei_application.ports import Clock, Transaction, UnitOfWork
from hodei_application.scheduling.backoffs import Backoffs
from hodei_application.scheduling.kinds import Kinds
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.pool_terms import PoolTerms
from hodei_application.scheduling.presence import Sightings

SERVING = frozenset({WorkerState.READY, WorkerState.BUSY})


@frozen(kw_only=True)
class WhyPending:
    """Say for each provider why a PENDING job is not running there yet; nothing for other jobs. Raises
    JobNotFound.
    """

    begin: UnitOfWork
    now: Clock
    landscape: Landscape
    terms: PoolTerms
    kinds: Kinds
    backoffs: Backoffs
    sightings: Sightings

    async def __call__(self, job_id: JobId) -> Sequence[PendingReason]:
        async with self.begin() as tx:
            return await self.of(tx, await tx.jobs.get(job_id))

    async def of(self, tx: Transaction, job: Job) -> Sequence[PendingReason]:
        """The same for a job that was just read."""
        if job.state is not JobState.PENDING:
            return []
        self.landscape.learn(await tx.providers.list_all())
        workers = await tx.workers.live()
        key = job.demand.key
        ids = [provider.id for provider in self.landscape]
        offers = self.landscape.offers(
            job.demand,
            live=self.terms.census(workers),
            retry_at=self.backoffs.retry_at(ids, key),
            trouble=self.backoffs.why(ids, key),
        )
        wanted = self.kinds.wanted(job.demand)
        starting = [
            (self.landscape.name(worker.provider_id), self._stage(worker))
            for worker in workers
            if worker.state in STARTING and worker.demand.key == wanted.key
        ]
        able = sum(self._is_able(worker, wanted) for worker in workers)
        return why_pending(job, offers, starting=starting, able=able, now=self.now())

    def _is_able(self, worker: Worker, wanted: DemandClass) -> bool:
        """Whether it could run such a job, were it free."""
        serves = worker.state in SERVING and not self.landscape.out_of_use(worker.provider_id)
        return serves and worker_cannot(wanted, self.terms.offer(worker)) is None

    def _stage(self, worker: Worker) -> str:
        return self.sightings.stages.get(worker.id, "a worker is starting")
