"""Logs in memory."""

from collections.abc import Collection, Mapping, Sequence

from attrs import frozen

from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk, check_chunk, public_sequence
from hodei_domain.logs.place import Fresh, Trimmed, place
from hodei_domain.logs.ports import LogEnd
from hodei_domain.testing.fakes.holder import OfTransaction

_NOTHING = LogEnd()


@frozen
class MemoryLogs(OfTransaction):
    """LogStore."""

    async def append(self, chunks: Sequence[LogChunk]) -> list[int]:
        """See LogStore."""
        return [self._append(chunk) for chunk in chunks]

    def _append(self, chunk: LogChunk) -> int:
        check_chunk(chunk)
        key = (chunk.job_id, chunk.attempt)
        end = self.tables.ends.rows.get(key, _NOTHING)
        found = place(end.next_sequence, end.next_offset, chunk)
        if not isinstance(found, Fresh | Trimmed):
            return end.next_sequence
        new = found.chunk
        self.tables.chunks.put((*key, new.first_sequence), new)
        self.tables.ends.put(key, LogEnd(new.next_sequence, new.next_offset))
        return new.next_sequence

    async def read(self, job_id: JobId, since: int, limit: int, attempt: int | None = None) -> list[LogChunk]:
        """See LogStore."""
        return [c for c in self._of(job_id, attempt) if _last(c) > since][:limit]

    async def tail_start(self, job_id: JobId, lines: int, attempt: int | None = None) -> int:
        """See LogStore."""
        left = lines
        for chunk in reversed(self._of(job_id, attempt)):
            if left < chunk.lines:
                return _last(chunk) - left
            left -= chunk.lines
        return 0

    async def end(self, job_id: JobId, attempt: int) -> LogEnd:
        """See LogStore."""
        return self.tables.ends.rows.get((job_id, attempt), _NOTHING)

    async def ends(self, attempts: Collection[tuple[JobId, int]]) -> Mapping[tuple[JobId, int], LogEnd]:
        """See LogStore."""
        rows = self.tables.ends.rows
        return {key: rows[key] for key in attempts if key in rows}

    def _of(self, job_id: JobId, attempt: int | None) -> list[LogChunk]:
        rows = self.tables.chunks.rows
        return [rows[key] for key in sorted(rows) if key[0] == job_id and attempt in (None, key[1])]


def _last(chunk: LogChunk) -> int:
    return public_sequence(chunk.attempt, chunk.next_sequence - 1)
