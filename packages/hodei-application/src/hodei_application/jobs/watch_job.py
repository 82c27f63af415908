"""Watch a job."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.ids import JobId

from hodei_application.jobs.moves import Moves
from hodei_application.ports import IsAlone, UnitOfWork, always_alone
from hodei_application.workers.connected import ConnectedWorkers

REMOTE = timedelta(milliseconds=200)


@frozen
class WatchJob:
    """First the job as it is, then every move that is seen here; ends after its end. Raises JobNotFound.

    Moves that another replica made arrive with the refresher's next turn, perhaps several as one.
    """

    begin: UnitOfWork
    moves: Moves

    async def __call__(self, job_id: JobId) -> AsyncIterator[Job]:
        with self.moves.watchers.subscribe(job_id) as subscriber:
            job = await self._read(job_id)
            yield job
            while not job.is_over:
                await subscriber.wait()
                seen, missed = subscriber.take()
                for move in [await self._read(job_id)] if missed else seen:
                    if move.version > job.version:
                        job = move
                        yield job

    async def _read(self, job_id: JobId) -> Job:
        async with self.begin() as tx:
            return await tx.jobs.get(job_id)


@frozen
class RefreshWatched:
    """Read the jobs that somebody watches, for the moves that other replicas made. One query for all of
    them.
    """

    begin: UnitOfWork
    moves: Moves
    connected: ConnectedWorkers
    is_alone: IsAlone = always_alone

    async def __call__(self) -> timedelta | None:
        """Sooner again while the worker of one of them is connected elsewhere: then its output comes this way
        only; and while another replica may give one of them to a worker of its own.
        """
        watched = self.moves.watched()
        if not watched:
            return None
        async with self.begin() as tx:
            jobs = await tx.jobs.find(watched)
        self.moves.refresh(jobs.values())
        return REMOTE if any(self._may_move_elsewhere(job) for job in jobs.values()) else None

    def _may_move_elsewhere(self, job: Job) -> bool:
        if job.worker_id is not None:
            return not self.connected.is_here(job.worker_id)
        return not job.is_over and not self.is_alone()
