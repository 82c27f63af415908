"""The jobs that wait."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.spec import Priority
from hodei_domain.jobs.views import WaitingClass
from hodei_domain.kernel.ids import JobId

from hodei_infrastructure.postgres.documents import SpecTexts, read_demand
from hodei_infrastructure.postgres.job_rows import JOB, job_of
from hodei_infrastructure.postgres.session import Session

# Rows whose time has come enter the index of claims. Nothing waits here: another claim may be doing the same.
_RIPEN = """
UPDATE job_queue SET not_before = NULL WHERE job_id IN (
    SELECT job_id FROM job_queue WHERE not_before <= now() FOR UPDATE SKIP LOCKED)
"""

# First candidates of each class from the index alone, some more than wanted, because other claims may hold
# the foremost; then the rows of the best of them are locked until there are enough. The job's own row
# decides: a queue row that was read a moment ago may be outdated by the time its job is locked, and is
# checked against the job.
_CLAIM = f"""
WITH candidates AS MATERIALIZED (
    SELECT q.* FROM unnest(%(classes)s::text[]) AS class CROSS JOIN LATERAL (
        SELECT job_id, priority, turn FROM job_queue
        WHERE demand_class = class AND not_before IS NULL
        ORDER BY priority DESC, turn, job_id LIMIT %(window)s
    ) AS q ORDER BY q.priority DESC, q.turn, q.job_id LIMIT %(window)s
)
SELECT {JOB} FROM candidates q JOIN jobs j ON j.id = q.job_id JOIN job_specs s ON s.job_id = j.id
WHERE j.state = 'PENDING' AND NOT j.held AND (j.not_before IS NULL OR j.not_before <= now())
ORDER BY q.priority DESC, q.turn, q.job_id LIMIT %(limit)s
FOR UPDATE OF j SKIP LOCKED
"""
_FOREMOST = """
SELECT q.job_id FROM unnest(%(classes)s::text[]) AS class CROSS JOIN LATERAL (
    SELECT job_id, priority, turn FROM job_queue
    WHERE demand_class = class AND not_before IS NULL
    ORDER BY priority DESC, turn, job_id LIMIT %(limit)s
) AS q ORDER BY q.priority DESC, q.turn, q.job_id LIMIT %(limit)s
"""
_OTHERS = 256  # rows that other claims may hold; each claims fewer at a time

# From class to class by the index, whatever the number of rows in each.
_WAITING = """
WITH RECURSIVE classes AS (
    (SELECT demand_class FROM job_queue WHERE not_before IS NULL ORDER BY demand_class LIMIT 1)
    UNION ALL
    SELECT (SELECT q.demand_class FROM job_queue q
            WHERE q.not_before IS NULL AND q.demand_class > c.demand_class ORDER BY q.demand_class LIMIT 1)
    FROM classes c WHERE c.demand_class IS NOT NULL
)
SELECT d.demand, counted.number, oldest.queued_at
FROM classes c JOIN demand_classes d ON d.key = c.demand_class
CROSS JOIN LATERAL (
    SELECT queued_at FROM job_queue WHERE demand_class = c.demand_class AND not_before IS NULL
    ORDER BY queued_at LIMIT 1
) AS oldest
CROSS JOIN LATERAL (
    SELECT count(*) AS number FROM (
        SELECT 1 FROM job_queue WHERE demand_class = c.demand_class AND not_before IS NULL LIMIT %s) AS found
) AS counted
ORDER BY oldest.queued_at, d.serial
"""
_DEPTH = "SELECT count(*) FROM job_queue"

_TURNS = """
SELECT asked.owner, p.priority, last.turn
FROM unnest(%s::text[]) AS asked (owner) CROSS JOIN generate_series(0, 3) AS p (priority)
CROSS JOIN LATERAL (
    SELECT turn FROM job_queue WHERE queued_by = asked.owner AND priority = p.priority
    ORDER BY turn DESC LIMIT 1
) AS last
"""
_LOWEST = """
SELECT p.priority, first.turn FROM generate_series(0, 3) AS p (priority)
CROSS JOIN LATERAL (SELECT turn FROM job_queue WHERE priority = p.priority ORDER BY turn LIMIT 1) AS first
"""
# Skips what a claim is about to take, so that neither waits for the other.
_PROMOTE = """
UPDATE job_queue SET priority = priority + 1, raised_at = %(now)s WHERE job_id IN (
    SELECT job_id FROM job_queue WHERE priority < 3 AND raised_at < %(before)s FOR UPDATE SKIP LOCKED)
"""


@frozen
class PostgresJobQueue:
    """JobQueue."""

    _session: Session
    _specs: SpecTexts

    async def claim(self, classes: Collection[str], limit: int) -> list[Job]:
        """See JobQueue."""
        if not classes or limit <= 0:
            return []
        await self._session.run(_RIPEN)
        asked = {"classes": list(classes), "limit": limit, "window": limit + _OTHERS}
        return [job_of(row, self._specs) for row in await self._session.rows(_CLAIM, asked)]

    async def foremost(self, classes: Collection[str], limit: int) -> list[JobId]:
        """See JobQueue."""
        if not classes or limit <= 0:
            return []
        await self._session.run(_RIPEN)
        rows = await self._session.rows(_FOREMOST, {"classes": list(classes), "limit": limit})
        return [JobId(job_id) for (job_id,) in rows]

    async def waiting(self, limit_per_class: int) -> list[WaitingClass]:
        """See JobQueue."""
        await self._session.run(_RIPEN)
        rows = await self._session.rows(_WAITING, (limit_per_class,))
        return [
            WaitingClass(demand=read_demand(demand), count=count, oldest=oldest)
            for demand, count, oldest in rows
        ]

    async def depth(self) -> int:
        """See JobQueue."""
        depth: int = await self._session.value(_DEPTH)
        return depth

    async def lowest_turns(self) -> dict[Priority, int]:
        """See JobQueue."""
        return {Priority(priority): turn for priority, turn in await self._session.rows(_LOWEST)}

    async def last_turns(self, owners: Collection[str]) -> dict[tuple[str, Priority], int]:
        """See JobQueue."""
        if not owners:
            return {}
        rows = await self._session.rows(_TURNS, (list(owners),))
        return {(owner, Priority(priority)): turn for owner, priority, turn in rows}

    async def promote(self, older_than: timedelta, now: datetime) -> int:
        """See JobQueue."""
        return await self._session.run(_PROMOTE, {"now": now, "before": now - older_than})
