"""What the logs room needs from a store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from attrs import frozen

from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk


@frozen
class LogEnd:
    """Where the stored output of an attempt ends: the next entry's number and the next byte's offset."""

    next_sequence: int = 0
    next_offset: int = 0


class LogStore(Protocol):
    """Output by job and attempt.

    That the attempt is the job's present one is the caller's to check, in the same transaction.
    """

    async def append(self, chunks: Sequence[LogChunk]) -> list[int]:
        """Store what is new of each, in the order given; returns the attempt's next sequence after each.

        Judged by place(): duplicates change nothing, overlaps are trimmed, and a chunk after a gap is not
        stored, which the returned number shows. Two transactions that append to one attempt never store an
        entry twice: one waits, or fails with StoreUnavailable and is repeated. Raises BrokenChunk.
        """
        ...

    async def read(self, job_id: JobId, since: int, limit: int, attempt: int | None = None) -> list[LogChunk]:
        """At most `limit` chunks with an entry whose public sequence is above `since`, in order.

        Of all attempts, or of one. The first chunk may begin before: it is given whole. None after the end.
        What was taken away (HistoryStore.drop_output) reads as a chunk that is `removed`.
        """
        ...

    async def tail_start(self, job_id: JobId, lines: int, attempt: int | None = None) -> int:
        """The `since` after which the last `lines` entries follow, or 0 if there are fewer."""
        ...

    async def end(self, job_id: JobId, attempt: int) -> LogEnd:
        """Where the attempt's stored output ends; zeros if there is none."""
        ...

    async def ends(self, attempts: Collection[tuple[JobId, int]]) -> Mapping[tuple[JobId, int], LogEnd]:
        """end() for many; attempts without output are absent."""
        ...
