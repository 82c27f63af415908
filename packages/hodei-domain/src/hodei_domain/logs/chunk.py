"""Chunks of output: the exact bytes of both streams in order of arrival, and a table of runs, one per read of
a pipe.

Entries are pieces between newlines, counted over both streams of one attempt from 0. Lines come into being
only where a reader asks for them.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from struct import Struct

from attrs import evolve, field, frozen

from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.errors import BrokenChunk

STDERR = 1
PARTIAL = 2  # the last entry has no newline and goes on in the stream's next run
PLATFORM = 4  # written by Hodei, not by the job

ATTEMPT_SHIFT = 40  # public sequence: (attempt - 1) * 2**40 + entry + 1, so that it rises over retries

_RUN = Struct("<IIII")  # flags, entries, microseconds since the chunk's base time, bytes
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class Run:
    """What one read of a pipe brought."""

    flags: int
    entries: int
    delta_us: int
    nbytes: int


@frozen(kw_only=True)
class LogChunk:
    """A piece of one attempt's output.

    `first_sequence` and `lines` count entries, `first_offset` counts bytes of output that was kept.
    `gap_bytes` > 0 says that so many bytes were lost just before: a marker that counts as the chunk's first
    entry and has no data. `removed`: they were kept for long enough, and the marker is the last entry of what
    is gone.
    """

    job_id: JobId
    attempt: int
    first_sequence: int
    lines: int
    first_offset: int
    base_time_us: int
    runs: bytes = field(repr=False)
    data: bytes = field(repr=False)
    gap_bytes: int = 0
    removed: bool = False

    @classmethod
    def mark_of(cls, last: "LogChunk") -> "LogChunk":
        """What stands in place of an attempt's output up to with this chunk, after that was removed."""
        return cls(
            job_id=last.job_id,
            attempt=last.attempt,
            first_sequence=last.next_sequence - 1,
            lines=1,
            first_offset=last.next_offset,
            base_time_us=last.base_time_us,
            runs=b"",
            data=b"",
            gap_bytes=max(last.next_offset, 1),
            removed=True,
        )

    @property
    def next_sequence(self) -> int:
        """The number of the entry that follows."""
        return self.first_sequence + self.lines

    @property
    def next_offset(self) -> int:
        """The offset of the byte that follows."""
        return self.first_offset + len(self.data)


@frozen(kw_only=True)
class LogEntry:
    """One line, or a piece of one. `sequence` is the public one. `data` is without its newline.

    `partial`: the line goes on in the stream's next entry. `gap_bytes` > 0: so many bytes were lost here, or
    `removed` because they had been kept for long enough, and there is no data.
    """

    sequence: int
    data: bytes
    stderr: bool
    partial: bool
    at: datetime
    gap_bytes: int = 0
    platform: bool = False
    removed: bool = False


def public_sequence(attempt: int, sequence: int) -> int:
    """The number under which readers know an entry of an attempt."""
    return ((attempt - 1) << ATTEMPT_SHIFT) + sequence + 1


def split_sequence(public: int) -> tuple[int, int]:
    """Attempt and entry of a public sequence."""
    attempt, sequence = divmod(public - 1, 1 << ATTEMPT_SHIFT)
    return attempt + 1, sequence


def to_microseconds(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_microseconds(us: int) -> datetime:
    """The instant, so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=us)


def pack_runs(runs: Iterable[Run]) -> bytes:
    """The table as it goes over the wire: 16 bytes per run, little-endian."""
    return b"".join(_RUN.pack(run.flags, run.entries, run.delta_us, run.nbytes) for run in runs)


def unpack_runs(packed: bytes) -> list[Run]:
    """Back from pack_runs(). Raises BrokenChunk."""
    if len(packed) % _RUN.size:
        raise BrokenChunk(f"{len(packed)} bytes are no table of runs", field="runs")
    return [Run(*fields) for fields in _RUN.iter_unpack(packed)]


def check_chunk(chunk: LogChunk) -> None:
    """Raise BrokenChunk if the table of runs does not cover the data. Cheap: no newline is looked for."""
    if chunk.attempt < 1 or chunk.first_sequence < 0 or chunk.first_offset < 0 or chunk.gap_bytes < 0:
        raise BrokenChunk("negative numbers", field="log_chunk")
    if len(chunk.runs) % _RUN.size:
        raise BrokenChunk(f"{len(chunk.runs)} bytes are no table of runs", field="runs")
    entries = 1 if chunk.gap_bytes else 0
    covered = 0
    for _, run_entries, _, nbytes in _RUN.iter_unpack(chunk.runs):
        if not 1 <= run_entries <= nbytes:
            raise BrokenChunk(f"{run_entries} entries in {nbytes} bytes", field="runs")
        entries += run_entries
        covered += nbytes
    if entries != chunk.lines or covered != len(chunk.data):
        raise BrokenChunk(
            f"runs cover {entries} entries and {covered} bytes of {chunk.lines} and {len(chunk.data)}",
            field="runs",
        )


def pieces_of(data: bytes) -> list[bytes]:
    """Entries of one run: what stands between newlines, without them; a tail without one is an entry too."""
    pieces = data.split(b"\n")
    if not pieces[-1]:
        pieces.pop()
    return pieces


def entries(chunk: LogChunk) -> Iterator[LogEntry]:
    """The chunk line by line."""
    number = public_sequence(chunk.attempt, chunk.first_sequence)
    if chunk.gap_bytes:
        at = from_microseconds(chunk.base_time_us)
        yield LogEntry(
            sequence=number,
            data=b"",
            stderr=False,
            partial=False,
            at=at,
            gap_bytes=chunk.gap_bytes,
            platform=True,
            removed=chunk.removed,
        )
        number += 1
    start = 0
    for flags, count, delta_us, nbytes in _RUN.iter_unpack(chunk.runs):
        at = from_microseconds(chunk.base_time_us + delta_us)
        pieces = pieces_of(chunk.data[start : start + nbytes])
        for position, piece in enumerate(pieces, 1):
            yield LogEntry(
                sequence=number,
                data=piece,
                stderr=bool(flags & STDERR),
                partial=bool(flags & PARTIAL) and position == count,
                at=at,
                platform=bool(flags & PLATFORM),
            )
            number += 1
        start += nbytes


def drop_front(chunk: LogChunk, count: int) -> LogChunk:
    """The chunk without its first `count` entries, 0 <= count < lines."""
    left = count
    if left and chunk.gap_bytes:
        left -= 1
        chunk = evolve(
            chunk, gap_bytes=0, removed=False, first_sequence=chunk.first_sequence + 1, lines=chunk.lines - 1
        )
    if not left:
        return chunk
    runs = unpack_runs(chunk.runs)
    cut = 0
    while runs[0].entries <= left:
        left -= runs[0].entries
        cut += runs.pop(0).nbytes
    if left:
        head = _length_of(chunk.data[cut : cut + runs[0].nbytes], left)
        runs[0] = evolve(runs[0], entries=runs[0].entries - left, nbytes=runs[0].nbytes - head)
        cut += head
    dropped = chunk.lines - sum(run.entries for run in runs)
    return evolve(
        chunk,
        first_sequence=chunk.first_sequence + dropped,
        lines=chunk.lines - dropped,
        first_offset=chunk.first_offset + cut,
        runs=pack_runs(runs),
        data=chunk.data[cut:],
    )


def _length_of(data: bytes, count: int) -> int:
    """How many bytes the first `count` entries take, newlines included."""
    end = 0
    for _ in range(count):
        end = data.index(b"\n", end) + 1
    return end
