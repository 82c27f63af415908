"""Leases of attempts and clocks of jobs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from attrs import frozen
from hodei_domain.jobs.result import Reason
from hodei_domain.jobs.views import LostAttempt, Overdue
from hodei_domain.kernel.ids import JobId, WorkerId

from hodei_infrastructure.postgres.session import Session

# In the order of the key, so that two renewals never wait for each other crosswise.
_RENEW = """
UPDATE job_leases SET lease_expires_at = now() + %(duration)s WHERE job_id IN (
    SELECT job_id FROM job_leases WHERE worker_id = ANY(%(workers)s) ORDER BY job_id FOR UPDATE)
"""
_EXPIRED = """
SELECT job_id, attempt, worker_id FROM job_leases WHERE lease_expires_at <= now()
ORDER BY lease_expires_at, job_id LIMIT %s
"""
_OVERDUE = """
SELECT id, deadline_clock, attempt FROM jobs WHERE deadline_at <= %s ORDER BY deadline_at, id LIMIT %s
"""
_NEXT_OVERDUE = "SELECT deadline_at FROM jobs WHERE deadline_at > %s ORDER BY deadline_at LIMIT 1"


@frozen
class PostgresLeaseStore:
    """LeaseStore."""

    _session: Session

    async def renew(self, workers: Collection[WorkerId], duration: timedelta) -> int:
        """See LeaseStore."""
        if not workers:
            return 0
        return await self._session.run(_RENEW, {"workers": list(workers), "duration": duration})

    async def clock(self) -> datetime:
        """See LeaseStore."""
        at: datetime = await self._session.value("SELECT clock_timestamp()")
        return at

    async def expired(self, limit: int) -> list[LostAttempt]:
        """See LeaseStore."""
        rows = await self._session.rows(_EXPIRED, (limit,))
        if rows:  # not if nobody can renew: that can be so while they can be read
            await self._session.run("LOCK TABLE job_leases IN ROW EXCLUSIVE MODE")
        return [
            LostAttempt(job_id=JobId(job_id), attempt=attempt, worker_id=WorkerId(worker_id))
            for job_id, attempt, worker_id in rows
        ]


@frozen
class PostgresClockViews:
    """ClockViews. The deadline is kept beside the job, and only while it runs."""

    _session: Session

    async def overdue(self, now: datetime, limit: int = 1000) -> list[Overdue]:
        """See ClockViews."""
        rows = await self._session.rows(_OVERDUE, (now, limit))
        return [
            Overdue(job_id=JobId(id), clock=Reason(clock), attempt=attempt) for id, clock, attempt in rows
        ]

    async def next_overdue(self, after: datetime) -> datetime | None:
        """See ClockViews."""
        at: datetime | None = await self._session.value(_NEXT_OVERDUE, (after,))
        return at
