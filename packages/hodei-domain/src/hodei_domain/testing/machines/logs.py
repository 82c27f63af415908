"""Output that is split, repeated, reordered and cut off on its way; what is accepted must be a prefix of what
was written.
"""

from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import (
    LogChunk,
    Run,
    drop_front,
    entries,
    pack_runs,
    pieces_of,
    public_sequence,
    to_microseconds,
)
from hodei_domain.logs.ports import LogEnd
from hodei_domain.testing.fakes import SeqIds
from hodei_domain.testing.machines.on_store import StoreMachine
from hodei_domain.testing.making import T0

_READS = st.lists(
    st.tuples(
        st.integers(0, 3), st.lists(st.sampled_from([b"\n", b"a", b"\xff", b"bc"]), min_size=1, max_size=6)
    ),
    max_size=12,
)


class LogMachine(StoreMachine):
    """One attempt's output. The written stream is a list of reads; any span of it may arrive at any time."""

    def __init__(self) -> None:
        self.job_id = JobId(SeqIds()())
        self.reads: list[tuple[int, bytes]] = []
        self.gaps: dict[int, int] = {}
        self.accepted = 0  # entries, by what append() said
        super().__init__()

    @initialize(reads=_READS, gap_at=st.none() | st.integers(0, 11))
    def write(self, reads: list[tuple[int, list[bytes]]], gap_at: int | None) -> None:
        self.reads = [(flags, b"".join(parts)) for flags, parts in reads]
        if gap_at is not None and gap_at < len(self.reads):
            self.gaps[gap_at] = 77  # bytes that were lost before this read

    @rule(first=st.integers(0, 11), count=st.integers(1, 12), cut=st.integers(0, 3))
    def send(self, first: int, count: int, cut: int) -> None:
        """A span of the reads, perhaps with its front cut off in the middle of a run."""
        chunk = self._chunk(first, count)
        if chunk is None:
            return
        if cut < chunk.lines:
            chunk = drop_front(chunk, cut)
        fits = chunk.first_sequence <= self.accepted
        expected = max(self.accepted, chunk.next_sequence) if fits else self.accepted
        [answer] = self.run(self._append([chunk]))
        assert answer == expected, "the answer says where to resume"
        self.accepted = answer

    @rule()
    def resume(self) -> None:
        """The sender goes on where the store says, to the end."""
        spans = [self._chunk(number, 1) for number in range(len(self.reads))]
        self.run(self._append([chunk for chunk in spans if chunk is not None]))
        self.accepted = self._entries_before(len(self.reads))

    @invariant()
    def what_is_stored_is_a_prefix_of_what_was_written(self) -> None:
        chunks, end = self.run(self._stored())
        text = b"".join(chunk.data for chunk in chunks)
        written = b"".join(data for _, data in self.reads)
        assert written.startswith(text), "P4: no gap, no duplicate"
        assert end == LogEnd(self.accepted, len(text))
        numbers = [entry.sequence for chunk in chunks for entry in entries(chunk)]
        assert numbers == [public_sequence(1, number) for number in range(self.accepted)]
        for earlier, later in pairwise(chunks):
            assert (earlier.next_sequence, earlier.next_offset) == (later.first_sequence, later.first_offset)

    @invariant()
    def a_reader_who_resumes_anywhere_misses_nothing(self) -> None:
        chunks, _ = self.run(self._stored())
        told = [(entry.sequence, entry.data) for chunk in chunks for entry in entries(chunk)]
        since = told[len(told) // 2][0] if told else 0
        rest = self.run(self._after(since))
        later = [(e.sequence, e.data) for chunk in rest for e in entries(chunk) if e.sequence > since]
        assert later == [entry for entry in told if entry[0] > since]

    @invariant()
    def the_gap_is_told_where_it_is(self) -> None:
        chunks, _ = self.run(self._stored())
        told = {e.sequence - 1: e.gap_bytes for chunk in chunks for e in entries(chunk) if e.gap_bytes}
        due = {self._entries_before(at): lost for at, lost in self.gaps.items()}
        assert told == {number: lost for number, lost in due.items() if number < self.accepted}

    def at_the_end(self) -> None:
        """Once the sender has resumed, all is there."""
        self.resume()
        self.what_is_stored_is_a_prefix_of_what_was_written()
        chunks, _ = self.run(self._stored())
        assert b"".join(chunk.data for chunk in chunks) == b"".join(data for _, data in self.reads)

    def _entries_before(self, read: int) -> int:
        count = sum(len(pieces_of(data)) for _, data in self.reads[:read])
        return count + sum(1 for at in self.gaps if at < read)

    def _chunk(self, first: int, count: int) -> LogChunk | None:
        span = self.reads[first : first + count]
        inner = [at for at in self.gaps if first < at < first + count]
        if inner:  # a gap begins a chunk
            span = span[: min(inner) - first]
        if not span:
            return None
        gap = self.gaps.get(first, 0)
        return LogChunk(
            job_id=self.job_id,
            attempt=1,
            first_sequence=self._entries_before(first),
            lines=sum(len(pieces_of(data)) for _, data in span) + (1 if gap else 0),
            first_offset=sum(len(data) for _, data in self.reads[:first]),
            base_time_us=to_microseconds(T0) + first,
            runs=pack_runs(Run(flags, len(pieces_of(data)), 0, len(data)) for flags, data in span),
            data=b"".join(data for _, data in span),
            gap_bytes=gap,
        )

    async def _append(self, chunks: list[LogChunk]) -> list[int]:
        async with self.begin() as tx:
            return await tx.logs.append(chunks)

    async def _stored(self) -> tuple[list[LogChunk], LogEnd]:
        async with self.begin() as tx:
            return await tx.logs.read(self.job_id, 0, 1000), await tx.logs.end(self.job_id, 1)

    async def _after(self, since: int) -> list[LogChunk]:
        async with self.begin() as tx:
            return await tx.logs.read(self.job_id, since, 1000)
