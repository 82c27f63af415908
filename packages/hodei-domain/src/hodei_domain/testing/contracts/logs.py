"""What a store of logs promises: no gap, no duplicate, every byte."""

import pytest
from attrs import evolve

from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import (
    PARTIAL,
    STDERR,
    LogChunk,
    Run,
    pack_runs,
    pieces_of,
    public_sequence,
    to_microseconds,
)
from hodei_domain.logs.errors import BrokenChunk
from hodei_domain.logs.ports import LogEnd
from hodei_domain.testing.contracts.base import StoreContract, outcomes
from hodei_domain.testing.making import T0, new_job_id
from hodei_domain.testing.stores import Begin


def chunk_after(
    end: LogEnd, job_id: JobId, *reads: bytes, attempt: int = 1, flags: int = 0, gap_bytes: int = 0
) -> LogChunk:
    """The chunk that follows `end`, with one run per read."""
    runs = [Run(flags, len(pieces_of(read)), number * 10, len(read)) for number, read in enumerate(reads)]
    return LogChunk(
        job_id=job_id,
        attempt=attempt,
        first_sequence=end.next_sequence,
        lines=sum(run.entries for run in runs) + (1 if gap_bytes else 0),
        first_offset=end.next_offset,
        base_time_us=to_microseconds(T0) + end.next_sequence,
        runs=pack_runs(runs),
        data=b"".join(reads),
        gap_bytes=gap_bytes,
    )


def following(chunk: LogChunk, *reads: bytes, **fields: int) -> LogChunk:
    """The chunk that follows another of its attempt."""
    end = LogEnd(chunk.next_sequence, chunk.next_offset)
    return chunk_after(end, chunk.job_id, *reads, attempt=chunk.attempt, **fields)


async def append(begin: Begin, *chunks: LogChunk) -> list[int]:
    """Append in a transaction of its own."""
    async with begin() as tx:
        return await tx.logs.append(chunks)


async def stored(begin: Begin, job_id: JobId, since: int = 0, attempt: int | None = None) -> list[LogChunk]:
    """All that is read after `since`."""
    async with begin() as tx:
        return await tx.logs.read(job_id, since, 1000, attempt)


class LogStoreContract(StoreContract):
    """LogStore."""

    async def test_chunks_read_back_byte_for_byte_in_order(self, begin: Begin) -> None:
        job = new_job_id()
        first = chunk_after(LogEnd(), job, b"one\n\xff\xfe\x00\n", b"half", flags=STDERR | PARTIAL)
        second = following(first, b" whole\n")
        third = following(second, b"after\n", gap_bytes=1 << 40)
        assert await append(begin, first, second) == [3, 4]
        assert await append(begin, third) == [6]
        assert await stored(begin, job) == [first, second, third]
        async with begin() as tx:
            assert await tx.logs.end(job, 1) == LogEnd(6, third.next_offset)

    async def test_a_repeated_chunk_changes_nothing(self, begin: Begin) -> None:
        first = chunk_after(LogEnd(), new_job_id(), b"a\nb\n")
        second = following(first, b"c\n")
        assert await append(begin, first, first, second) == [2, 2, 3]
        assert await append(begin, first) == [3]
        assert await stored(begin, first.job_id) == [first, second]

    async def test_an_overlap_is_trimmed(self, begin: Begin) -> None:
        job = new_job_id()
        first = chunk_after(LogEnd(), job, b"a\nb\n")
        wide = chunk_after(LogEnd(), job, b"a\n", b"b\nc\n", b"d\n")
        assert await append(begin, first) == [2]
        assert await append(begin, wide) == [4]
        assert b"".join(chunk.data for chunk in await stored(begin, job)) == b"a\nb\nc\nd\n"
        async with begin() as tx:
            assert await tx.logs.end(job, 1) == LogEnd(4, 8)

    async def test_a_chunk_after_a_gap_is_not_stored_and_the_answer_says_where_to_resume(
        self, begin: Begin
    ) -> None:
        first = chunk_after(LogEnd(), new_job_id(), b"a\n")
        missing = following(first, b"b\n")
        later = following(missing, b"c\n")
        assert await append(begin, first, later) == [1, 1]
        assert await append(begin, missing, later) == [2, 3]
        assert await stored(begin, first.job_id) == [first, missing, later]

    async def test_racing_repetitions_are_stored_once(self, begin: Begin) -> None:
        first = chunk_after(LogEnd(), new_job_id(), b"a\n")
        second = following(first, b"b\n")
        for _ in range(5):  # who loses may be told to repeat
            await outcomes(*(append(begin, first, second) for _ in range(4)))
        assert await append(begin, first, second) == [2, 2]
        assert await stored(begin, first.job_id) == [first, second]

    async def test_a_broken_chunk_is_refused(self, begin: Begin) -> None:
        chunk = chunk_after(LogEnd(), new_job_id(), b"a\n")
        for broken in (evolve(chunk, lines=2), evolve(chunk, data=b"ab\n"), evolve(chunk, runs=b"123")):
            with pytest.raises(BrokenChunk):
                await append(begin, broken)
        assert await stored(begin, chunk.job_id) == []

    async def test_attempts_and_jobs_do_not_touch_each_other(self, begin: Begin) -> None:
        job, other = new_job_id(), new_job_id()
        first = chunk_after(LogEnd(), job, b"1\n")
        second = chunk_after(LogEnd(), job, b"2\n3\n", attempt=2)
        foreign = chunk_after(LogEnd(), other, b"x\n")
        assert await append(begin, second, foreign, first) == [2, 1, 1]
        assert await stored(begin, job) == [first, second]
        assert await stored(begin, job, attempt=2) == [second]
        assert await stored(begin, other) == [foreign]
        async with begin() as tx:
            asked = [(job, 1), (job, 2), (job, 3), (other, 1)]
            assert await tx.logs.ends(asked) == {
                (job, 1): LogEnd(1, 2),
                (job, 2): LogEnd(2, 4),
                (other, 1): LogEnd(1, 2),
            }
            assert await tx.logs.end(job, 3) == LogEnd(0, 0)

    async def test_reading_goes_on_after_a_sequence_up_to_a_limit(self, begin: Begin) -> None:
        job = new_job_id()
        chunks = [chunk_after(LogEnd(), job, b"1\n2\n3\n")]
        for text in (b"4\n", b"5\n6\n"):
            chunks.append(following(chunks[-1], text))
        again = chunk_after(LogEnd(), job, b"7\n", attempt=2)
        await append(begin, *chunks, again)
        assert await stored(begin, job, since=2) == [*chunks, again], "the third entry is in the first chunk"
        assert await stored(begin, job, since=3) == [*chunks[1:], again]
        assert await stored(begin, job, since=public_sequence(1, 5)) == [again]
        assert await stored(begin, job, since=public_sequence(2, 0)) == []
        async with begin() as tx:
            assert await tx.logs.read(job, 0, 2) == chunks[:2]
            assert await tx.logs.read(new_job_id(), 0, 2) == []

    async def test_a_tail_starts_so_many_entries_before_the_end(self, begin: Begin) -> None:
        job = new_job_id()
        first = chunk_after(LogEnd(), job, b"1\n2\n3\n")
        second = chunk_after(LogEnd(), job, b"4\n5\n", attempt=2)
        await append(begin, first, second)
        async with begin() as tx:
            assert await tx.logs.tail_start(job, 1) == public_sequence(2, 0)
            assert await tx.logs.tail_start(job, 3) == public_sequence(1, 1)
            assert await tx.logs.tail_start(job, 2, attempt=1) == 1
            assert await tx.logs.tail_start(job, 5) == 0
            assert await tx.logs.tail_start(job, 99) == 0
            assert await tx.logs.tail_start(job, 0) == public_sequence(2, 1)
            assert await tx.logs.tail_start(new_job_id(), 5) == 0
