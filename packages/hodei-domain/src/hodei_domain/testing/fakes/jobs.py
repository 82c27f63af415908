"""Jobs in memory."""

from collections.abc import Collection, Sequence

from attrs import frozen

from hodei_domain.jobs.errors import JobChangedMeanwhile, JobNotFound
from hodei_domain.jobs.job import ACTIVE, Job
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import JobId
from hodei_domain.testing.fakes.holder import OfTransaction
from hodei_domain.testing.fakes.tables import QueueRow


@frozen
class MemoryJobs(OfTransaction):
    """JobStore."""

    async def get(self, id: JobId) -> Job:
        """See JobStore."""
        job = self.tables.jobs.rows.get(id)
        if job is None:
            raise JobNotFound(f"there is no job {id}")
        return job

    async def find(self, ids: Collection[JobId]) -> dict[JobId, Job]:
        """See JobStore."""
        rows = self.tables.jobs.rows
        return {id: rows[id] for id in sorted(set(ids)) if id in rows}

    async def lock(self, ids: Collection[JobId]) -> dict[JobId, Job]:
        """See JobStore. The transaction holds the whole store."""
        return await self.find(ids)

    async def by_idempotency(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Job]:
        """See JobStore."""
        known = self.tables.keys.rows
        return {key: self.tables.jobs.rows[known[key]] for key in set(keys) if key in known}

    async def save(self, changes: Sequence[Change[Job]]) -> None:
        """See JobStore."""
        moved = [change for change in changes if not change.is_same]
        if len({change.after.id for change in moved}) < len(moved):
            raise ValueError("two changes of one job in one save")
        for change in moved:
            self._refuse_stale(change)
        self._refuse_second_holds([change.after for change in moved if change.after.state in ACTIVE])
        self._refuse_second_keys([change.after for change in moved if change.is_new])
        for change in moved:
            self._write(change)

    def _refuse_stale(self, change: Change[Job]) -> None:
        job, tables = change.after, self.tables
        stored = tables.jobs.rows.get(job.id)
        if (0 if stored is None else stored.version) != change.base:
            raise self.refuse(JobChangedMeanwhile(f"job {job.id} was saved meanwhile"))

    def _refuse_second_holds(self, jobs: Sequence[Job]) -> None:
        tables = self.tables
        holders = {tables.attempts.rows[key].worker_id for key in tables.leases.rows}
        for job in jobs:
            if job.worker_id is not None and (job.id, job.attempt) not in tables.leases.rows:
                if job.worker_id in holders:
                    raise self.refuse(JobChangedMeanwhile(f"worker {job.worker_id} holds another attempt"))
                holders.add(job.worker_id)

    def _refuse_second_keys(self, jobs: Sequence[Job]) -> None:
        taken = set(self.tables.keys.rows)
        for job in jobs:
            if job.key in taken:
                raise self.refuse(JobChangedMeanwhile("a job was submitted under this key meanwhile"))
            if job.key is not None:
                taken.add(job.key)

    def _write(self, change: Change[Job]) -> None:
        job, tables = change.after, self.tables
        tables.jobs.put(job.id, job)
        tables.record(change.events)
        if job.key is not None:
            tables.keys.put(job.key, job.id)
        self._keep_queue(job)
        self._keep_attempt(job)

    def _keep_queue(self, job: Job) -> None:
        tables = self.tables
        if not job.is_queued:
            tables.queue.drop(job.id)
            return
        demand = job.demand
        if demand.key not in tables.classes.rows:
            tables.classes.put(demand.key, demand)
        tables.met.put(demand.key, tables.now())
        row = QueueRow(
            job_id=job.id,
            demand=demand,
            priority=int(job.spec.priority),
            turn=job.turn,
            owner=job.queued_by,
            not_before=job.not_before,
            queued_at=job.queued_at,
            raised_at=job.queued_at,
        )
        tables.queue.put(job.id, row)

    def _keep_attempt(self, job: Job) -> None:
        tables, attempt = self.tables, job.current
        if attempt is None:
            return
        key = (job.id, attempt.number)
        tables.attempts.put(key, attempt)
        if job.state not in ACTIVE:
            tables.leases.drop(key)
        elif key not in tables.leases.rows:
            tables.leases.put(key, tables.now() + tables.lease)
