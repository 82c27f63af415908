"""Output of jobs: the bytes as they came."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import LiteralString

import psycopg
from attrs import frozen
from hodei_domain.kernel.errors import StoreClash
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk, check_chunk, public_sequence, split_sequence
from hodei_domain.logs.place import Fresh, Trimmed, place
from hodei_domain.logs.ports import LogEnd

from hodei_infrastructure.postgres.session import Row, Session

_CHUNK: LiteralString = (
    "job_id, attempt, first_sequence, lines, first_offset, base_time_us, gap_bytes, runs, data, removed"
)
# The end of an attempt's output is the end of its last chunk or mark, or what servers of the release before
# noted when they took the last chunk.
_ENDS = """
SELECT asked.job_id, asked.attempt,
    COALESCE(last.next_sequence, kept.next_sequence), COALESCE(last.next_offset, kept.next_offset)
FROM unnest(%s::uuid[], %s::integer[]) AS asked (job_id, attempt)
LEFT JOIN LATERAL (
    SELECT first_sequence + lines AS next_sequence, first_offset + nbytes AS next_offset FROM job_log_chunks c
    WHERE c.job_id = asked.job_id AND c.attempt = asked.attempt ORDER BY first_sequence DESC LIMIT 1
) AS last ON true
LEFT JOIN job_log_ends kept ON kept.job_id = asked.job_id AND kept.attempt = asked.attempt
WHERE last.next_sequence IS NOT NULL OR kept.next_sequence IS NOT NULL
"""
_INSERT = f"INSERT INTO job_log_chunks (nbytes, {_CHUNK}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %b, %b, %s)"

# From the chunk that holds the entry after `since`: it is the last that does not begin behind it.
_READ = f"""
SELECT {_CHUNK} FROM job_log_chunks
WHERE job_id = %(job)s AND attempt <= %(until)s
    AND (attempt, first_sequence) >= (%(attempt)s, COALESCE((
        SELECT first_sequence FROM job_log_chunks
        WHERE job_id = %(job)s AND attempt = %(attempt)s AND first_sequence <= %(next)s
        ORDER BY first_sequence DESC LIMIT 1), 0))
    AND (attempt > %(attempt)s OR first_sequence + lines > %(next)s)
ORDER BY attempt, first_sequence LIMIT %(limit)s
"""
_BACKWARD = """
SELECT attempt, first_sequence, lines FROM job_log_chunks
WHERE job_id = %(job)s AND attempt >= %(first)s
    AND (attempt, first_sequence) < (%(attempt)s, %(sequence)s)
ORDER BY attempt DESC, first_sequence DESC LIMIT 500
"""

_LAST = 2**31 - 1  # attempts
_NOTHING = LogEnd()

Key = tuple[JobId, int]


@frozen
class PostgresLogStore:
    """LogStore."""

    _session: Session

    async def append(self, chunks: Sequence[LogChunk]) -> list[int]:
        """See LogStore.

        What is accepted begins where the stored output ends. So two transactions that append to one attempt
        want the same key; the second waits for the first and is then told to repeat.
        """
        for chunk in chunks:
            check_chunk(chunk)
        ends = dict(await self.ends({(chunk.job_id, chunk.attempt) for chunk in chunks}))
        nexts, new = [], []
        for chunk in chunks:
            key = (chunk.job_id, chunk.attempt)
            end = ends.get(key, _NOTHING)
            found = place(end.next_sequence, end.next_offset, chunk)
            if isinstance(found, Fresh | Trimmed):
                new.append(found.chunk)
                end = ends[key] = LogEnd(found.chunk.next_sequence, found.chunk.next_offset)
            nexts.append(end.next_sequence)
        await self._insert(new)
        return nexts

    async def _insert(self, chunks: Sequence[LogChunk]) -> None:
        if not chunks:
            return
        rows = [_row(chunk) for chunk in chunks]
        try:
            if len(rows) == 1:  # a third quicker than a batch of one
                await self._session.run(_INSERT, rows[0])
            else:
                await self._session.run_many(_INSERT, rows)
        except psycopg.errors.UniqueViolation:
            raise StoreClash("another stream wrote the same output just now") from None

    async def read(self, job_id: JobId, since: int, limit: int, attempt: int | None = None) -> list[LogChunk]:
        """See LogStore."""
        first, sequence = split_sequence(since + 1) if since > 0 else (1, 0)
        if attempt is not None and attempt != first:
            if attempt < first:
                return []
            first, sequence = attempt, 0
        asked = {"job": job_id, "attempt": first, "next": sequence, "limit": limit, "until": attempt or _LAST}
        return [_chunk(row) for row in await self._session.rows(_READ, asked)]

    async def tail_start(self, job_id: JobId, lines: int, attempt: int | None = None) -> int:
        """See LogStore."""
        left = lines
        place = (attempt + 1 if attempt is not None else _LAST, 0)
        while rows := await self._session.rows(
            _BACKWARD,
            {"job": job_id, "first": attempt or 0, "attempt": place[0], "sequence": place[1]},
        ):
            for number, first_sequence, count in rows:
                if left < count:
                    return public_sequence(number, first_sequence + count - 1) - left
                left -= count
            place = (rows[-1][0], rows[-1][1])
        return 0

    async def end(self, job_id: JobId, attempt: int) -> LogEnd:
        """See LogStore."""
        return (await self.ends([(job_id, attempt)])).get((job_id, attempt), _NOTHING)

    async def ends(self, attempts: Collection[Key]) -> Mapping[Key, LogEnd]:
        """See LogStore."""
        if not attempts:
            return {}
        asked = ([job_id for job_id, _ in attempts], [number for _, number in attempts])
        rows = await self._session.rows(_ENDS, asked)
        return {(JobId(job_id), number): LogEnd(*end) for job_id, number, *end in rows}


def _row(chunk: LogChunk) -> tuple[object, ...]:
    return (
        len(chunk.data),
        chunk.job_id,
        chunk.attempt,
        chunk.first_sequence,
        chunk.lines,
        chunk.first_offset,
        chunk.base_time_us,
        chunk.gap_bytes,
        chunk.runs,
        chunk.data,
        chunk.removed,
    )


def _chunk(row: Row) -> LogChunk:
    job_id, attempt, first_sequence, lines, first_offset, base_time_us, gap_bytes, runs, data, removed = row
    return LogChunk(
        job_id=JobId(job_id),
        attempt=attempt,
        first_sequence=first_sequence,
        lines=lines,
        first_offset=first_offset,
        base_time_us=base_time_us,
        gap_bytes=gap_bytes,
        runs=runs,
        data=data,
        removed=removed,
    )
