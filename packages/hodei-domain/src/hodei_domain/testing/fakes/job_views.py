"""Lists, counts, leases and clocks of jobs in memory."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from attrs import frozen

from hodei_domain.jobs.clocks import next_deadline
from hodei_domain.jobs.job import OVER, Attempt, Job, JobState
from hodei_domain.jobs.reference import JobReference
from hodei_domain.jobs.views import JobFilter, JobPage, LostAttempt, Overdue
from hodei_domain.kernel.cursors import cursor_of, read_place
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.testing.fakes.holder import OfTransaction


@frozen
class MemoryJobViews(OfTransaction):
    """JobViews."""

    async def list_jobs(self, filter: JobFilter) -> JobPage:
        """See JobViews."""
        matching = [job for job in self.tables.jobs.rows.values() if self._matches(job, filter)]
        matching.sort(key=_age, reverse=True)
        following = matching
        if filter.cursor:
            after = read_place(filter.cursor)
            following = [job for job in matching if _age(job) < after]
        page = following[filter.offset : filter.offset + filter.limit]
        more = len(following) > filter.offset + len(page)
        return JobPage(
            jobs=page,
            total=len(matching) if filter.counted else None,
            next_cursor=cursor_of(*_age(page[-1])) if page and more else None,
        )

    def _matches(self, job: Job, filter: JobFilter) -> bool:
        if filter.provider_id is not None:
            worker = None if job.current is None else self.tables.workers.rows.get(job.current.worker_id)
            if worker is None or worker.provider_id != filter.provider_id:
                return False
        return _matches(job, filter)

    async def referred(self, reference: JobReference, limit: int) -> list[Job]:
        """See JobViews."""
        digits, whole = reference.digits, reference.is_whole
        found = [
            job
            for job in self.tables.jobs.rows.values()
            if (digits and (job.id.hex.startswith(digits) or job.id.hex.endswith(digits)))
            or (job.spec.name == reference.text and not whole)
        ]
        return sorted(found, key=_age, reverse=True)[:limit]

    async def counts(self) -> Mapping[JobState, int]:
        """See JobViews."""
        counts = dict.fromkeys(JobState, 0)
        for job in self.tables.jobs.rows.values():
            counts[job.state] += 1
        return counts

    async def live_counts(self) -> Mapping[JobState, int]:
        """See JobViews."""
        return {state: count for state, count in (await self.counts()).items() if state not in OVER}

    async def attempts(self, id: JobId) -> list[Attempt]:
        """See JobViews."""
        rows = self.tables.attempts.rows
        return [rows[key] for key in sorted(rows) if key[0] == id]


@frozen
class MemoryLeases(OfTransaction):
    """LeaseStore."""

    async def renew(self, workers: Collection[WorkerId], duration: timedelta) -> int:
        """See LeaseStore."""
        held = [key for key in self.tables.leases.rows if self._attempt(key).worker_id in workers]
        for key in held:
            self.tables.leases.put(key, self.tables.now() + duration)
        return len(held)

    async def clock(self) -> datetime:
        """See LeaseStore."""
        return self.tables.now()

    async def expired(self, limit: int) -> list[LostAttempt]:
        """See LeaseStore."""
        now = self.tables.now()
        past = sorted((until, key) for key, until in self.tables.leases.rows.items() if until <= now)
        return [
            LostAttempt(job_id=key[0], attempt=key[1], worker_id=self._attempt(key).worker_id)
            for _, key in past[:limit]
        ]

    def _attempt(self, key: tuple[JobId, int]) -> Attempt:
        return self.tables.attempts.rows[key]


@frozen
class MemoryClockViews(OfTransaction):
    """ClockViews."""

    async def overdue(self, now: datetime, limit: int = 1000) -> list[Overdue]:
        """See ClockViews."""
        due = []
        for job in self.tables.jobs.rows.values():
            deadline = next_deadline(job)
            if deadline is not None and deadline.at <= now:
                due.append((deadline.at, job.id, deadline.clock, job.attempt))
        return [
            Overdue(job_id=id, clock=clock, attempt=attempt) for _, id, clock, attempt in sorted(due)[:limit]
        ]

    async def next_overdue(self, after: datetime) -> datetime | None:
        """See ClockViews."""
        running = (next_deadline(job) for job in self.tables.jobs.rows.values() if job.state not in OVER)
        return min((each.at for each in running if each is not None and each.at > after), default=None)


def _matches(job: Job, filter: JobFilter) -> bool:
    search = filter.search.lower()
    return (
        (not filter.states or job.state in filter.states)
        and (not filter.queued_by or job.queued_by == filter.queued_by)
        and filter.labels.items() <= job.spec.labels.items()
        and set(filter.tags) <= set(job.spec.tags)
        and (filter.since is None or job.created_at >= filter.since)
        and (filter.until is None or job.created_at < filter.until)
        and (search in job.spec.name.lower() or _is_part(search, str(job.id)))
    )


def _is_part(search: str, id: str) -> bool:
    return id.startswith(search) or id.endswith(search)


def _age(job: Job) -> tuple[datetime, UUID]:
    return (job.created_at, job.id)
