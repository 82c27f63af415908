"""What is kept of jobs that are over, and how it is taken away."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from attrs import frozen
from hodei_domain.jobs.history import Held, KeptOutput, Place
from hodei_domain.kernel.ids import JobId

from hodei_infrastructure.postgres.session import Session

NIL = UUID(int=0)
SLACK = timedelta(minutes=10)
"""An end is stamped before its commit: looking goes on so far before the last one that was seen."""

_INSTANT: LiteralString = "COALESCE(%(before)s::timestamptz, 'infinity')"
_BEFORE: LiteralString = "completed_at < " + _INSTANT
_FROM = "SELECT max(completed_at) FROM job_outputs"
_WEIGH = """
WITH page AS MATERIALIZED (
    SELECT id, completed_at FROM jobs
    WHERE completed_at IS NOT NULL AND (completed_at, id) > (%(at)s::timestamptz, %(id)s::uuid)
    ORDER BY completed_at, id LIMIT %(limit)s
), noted AS (
    INSERT INTO job_outputs (job_id, completed_at, nbytes)
    SELECT page.id, page.completed_at, kept.nbytes FROM page CROSS JOIN LATERAL (
        SELECT sum(nbytes) AS nbytes FROM job_log_chunks c WHERE c.job_id = page.id AND NOT c.removed
        HAVING count(*) > 0
    ) AS kept
    ON CONFLICT (job_id) DO NOTHING
)
SELECT completed_at, id FROM page ORDER BY completed_at DESC, id DESC LIMIT 1
"""
_OUTPUTS = f"""
SELECT job_id, nbytes FROM job_outputs WHERE {_BEFORE} ORDER BY completed_at, job_id LIMIT %(limit)s
"""
_TOTAL = "SELECT COALESCE(sum(nbytes), 0)::bigint FROM job_outputs"

# The mark stands where the last entry was that is gone, so the sequence goes on behind it. Its row may have
# the key of one that the same statement deletes: it is made of what that returns, hence after it.
_DROP = """
WITH old AS MATERIALIZED (
    SELECT job_id, attempt, first_sequence FROM job_log_chunks c
    WHERE job_id = ANY(%(jobs)s) AND NOT removed
        AND EXISTS (SELECT FROM jobs j WHERE j.id = c.job_id AND j.completed_at IS NOT NULL)
    ORDER BY job_id, attempt, first_sequence LIMIT %(limit)s
), gone AS (
    DELETE FROM job_log_chunks c USING old
    WHERE (c.job_id, c.attempt, c.first_sequence) = (old.job_id, old.attempt, old.first_sequence)
    RETURNING c.job_id, c.attempt, c.first_sequence + c.lines AS next_sequence,
        c.first_offset + c.nbytes AS next_offset, c.base_time_us
), ends AS MATERIALIZED (
    SELECT job_id, attempt, max(next_sequence) AS next_sequence, max(next_offset) AS next_offset,
        max(base_time_us) AS base_time_us, count(*) AS chunks
    FROM gone GROUP BY job_id, attempt
), earlier AS (
    DELETE FROM job_log_chunks c USING ends e
    WHERE c.job_id = e.job_id AND c.attempt = e.attempt AND c.removed
), marked AS (
    INSERT INTO job_log_chunks (job_id, attempt, first_sequence, lines, first_offset, nbytes, base_time_us,
        gap_bytes, runs, data, removed)
    SELECT job_id, attempt, next_sequence - 1, 1, next_offset, 0, base_time_us,
        greatest(next_offset, 1), ''::bytea, ''::bytea, true
    FROM ends
)
SELECT COALESCE(sum(chunks), 0)::bigint FROM ends
"""
_UNNOTE = "DELETE FROM job_outputs WHERE job_id = ANY(%s)"

_HELD = f"""
SELECT (SELECT count(*) FROM jobs WHERE completed_at IS NOT NULL AND {_BEFORE}),
    (SELECT count(*) FROM workers WHERE ended_at < {_INSTANT}),
    (SELECT COALESCE(sum(nbytes), 0)::bigint FROM job_outputs WHERE {_BEFORE})
"""
_ENDED = f"""
SELECT id FROM jobs WHERE completed_at IS NOT NULL AND {_BEFORE} ORDER BY completed_at, id LIMIT %(limit)s
"""
# Sorted before it locks, as all transactions lock jobs.
_LOCK = """
SELECT id FROM jobs WHERE id = ANY(%s) AND completed_at IS NOT NULL ORDER BY id FOR UPDATE SKIP LOCKED
"""
_OF_JOBS: tuple[LiteralString, ...] = (
    "DELETE FROM job_log_chunks WHERE job_id = ANY(%s)",
    "DELETE FROM job_log_ends WHERE job_id = ANY(%s)",
    "DELETE FROM job_outputs WHERE job_id = ANY(%s)",
    "DELETE FROM job_attempts WHERE job_id = ANY(%s)",
    "DELETE FROM metrics_usage WHERE job_id = ANY(%s)",
    "DELETE FROM job_marks WHERE job_id = ANY(%s)",
    "DELETE FROM job_specs WHERE job_id = ANY(%s)",
    "DELETE FROM jobs WHERE id = ANY(%s)",
)
_FORGET_WORKERS = """
DELETE FROM workers WHERE id = ANY(ARRAY(
    SELECT id FROM workers w WHERE ended_at < %(before)s
        AND NOT EXISTS (SELECT FROM job_leases l WHERE l.worker_id = w.id)
    ORDER BY ended_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
"""
_FORGET_PASSWORDS = """
DELETE FROM worker_otps WHERE worker_id = ANY(ARRAY(
    SELECT worker_id FROM worker_otps o WHERE expires_at < %(before)s
        AND NOT EXISTS (SELECT FROM workers w WHERE w.id = o.worker_id)
    LIMIT %(limit)s))
"""
_FORGET_CLASSES = """
DELETE FROM demand_classes WHERE met_at < %(before)s AND key = ANY(ARRAY(
    SELECT key FROM demand_classes d WHERE met_at < %(before)s
        AND NOT EXISTS (SELECT FROM job_queue q WHERE q.demand_class = d.key)
    LIMIT %(limit)s))
"""


@frozen
class PostgresHistoryStore:
    """HistoryStore."""

    _session: Session

    async def weigh(self, after: Place | None, limit: int) -> Place | None:
        """See HistoryStore."""
        if after is None:
            last: datetime | None = await self._session.value(_FROM)
            after = (last - SLACK, NIL) if last is not None else None
        at, id = after or ("-infinity", NIL)
        row = await self._session.row(_WEIGH, {"at": at, "id": id, "limit": limit})
        return None if row is None else (row[0], row[1])

    async def outputs(self, before: datetime | None, limit: int) -> list[KeptOutput]:
        """See HistoryStore."""
        rows = await self._session.rows(_OUTPUTS, {"before": before, "limit": limit})
        return [KeptOutput(JobId(job_id), nbytes) for job_id, nbytes in rows]

    async def output_bytes(self) -> int:
        """See HistoryStore."""
        total: int = await self._session.value(_TOTAL)
        return total

    async def drop_output(self, jobs: Collection[JobId], limit: int) -> int:
        """See HistoryStore."""
        gone: int = await self._session.value(_DROP, {"jobs": list(jobs), "limit": limit})
        if gone < limit:
            await self._session.run(_UNNOTE, (list(jobs),))
        return gone

    async def held(self, before: datetime | None = None) -> Held:
        """See HistoryStore."""
        row = await self._session.row(_HELD, {"before": before})
        jobs, workers, nbytes = row or (0, 0, 0)
        return Held(jobs=jobs, workers=workers, output_bytes=nbytes)

    async def ended(self, before: datetime | None, limit: int) -> list[JobId]:
        """See HistoryStore."""
        rows = await self._session.rows(_ENDED, {"before": before, "limit": limit})
        return [JobId(id) for (id,) in rows]

    async def forget(self, jobs: Collection[JobId]) -> int:
        """See HistoryStore."""
        locked = [id for (id,) in await self._session.rows(_LOCK, (list(jobs),))]
        if locked:
            for statement in _OF_JOBS:
                await self._session.run(statement, (locked,))
        return len(locked)

    async def forget_workers(self, before: datetime, limit: int) -> int:
        """See HistoryStore."""
        return await self._session.run(_FORGET_WORKERS, {"before": before, "limit": limit})

    async def forget_passwords(self, before: datetime, limit: int) -> int:
        """See HistoryStore."""
        return await self._session.run(_FORGET_PASSWORDS, {"before": before, "limit": limit})

    async def forget_classes(self, before: datetime, limit: int) -> int:
        """See HistoryStore."""
        return await self._session.run(_FORGET_CLASSES, {"before": before, "limit": limit})
