"""Why a job was given to a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.ids import JobId
from hodei_domain.scheduling.decision import Decision

from hodei_application.jobs.moves import ALL_DECISIONS, Moves
from hodei_application.jobs.watch_job import WatchJob
from hodei_application.ports import UnitOfWork


def decision_of(job: Job) -> Decision | None:
    """The decision behind the job's newest attempt; None before the first."""
    if job.current is None:
        return None
    return Decision(
        job_id=job.id,
        worker_id=job.current.worker_id,
        attempt=job.current.number,
        score=job.current.decision_score,
        reasons=job.current.decision_reasons,
        decided_at=job.current.assigned_at,
    )


@frozen
class GetDecision:
    """The decision behind a job's newest attempt, None while there is none. Raises JobNotFound."""

    begin: UnitOfWork

    async def __call__(self, job_id: JobId) -> Decision | None:
        async with self.begin() as tx:
            return decision_of(await tx.jobs.get(job_id))


@frozen
class WatchDecisions:
    """Decisions as this replica makes them: of one job until it is over, beginning with the present one; or
    of all jobs, from now on. Whoever reads too slowly misses some. Raises JobNotFound.
    """

    watch_job: WatchJob
    moves: Moves

    async def __call__(self, job_id: JobId | None = None) -> AsyncIterator[Decision]:
        told = 0
        async for job in self._all() if job_id is None else self.watch_job(job_id):
            decision = decision_of(job)
            if decision is not None and (job_id is None or decision.attempt > told):
                told = decision.attempt
                yield decision

    async def _all(self) -> AsyncIterator[Job]:
        with self.moves.decisions.subscribe(ALL_DECISIONS) as subscriber:
            while True:
                await subscriber.wait()
                for job in subscriber.take()[0]:
                    yield job
