"""Output of jobs: chunks as agents send and our own clients take them, lines for everybody else."""

from collections.abc import Iterator

from hodei_domain.kernel.ids import parse_job_id
from hodei_domain.logs.chunk import LogChunk, LogEntry, entries, split_sequence
from hodei_domain.logs.level import Level, level_of
from hodei_proto.wire import hodei as wire


def to_chunk(told: wire.LogChunk) -> LogChunk:
    """A chunk from an agent.

    Its bytes are taken as they are; whoever stores it checks that its numbers agree.
    """
    return LogChunk(
        job_id=parse_job_id(told.job_id, "log_chunk.job_id"),
        attempt=told.attempt,
        first_sequence=told.first_sequence,
        lines=told.lines,
        first_offset=told.first_offset,
        base_time_us=told.base_time_us,
        runs=told.runs,
        data=told.data,
        gap_bytes=told.gap_bytes,
    )


def from_chunk(chunk: LogChunk) -> wire.LogChunk:
    """A chunk for a subscriber."""
    return wire.LogChunk(
        job_id=str(chunk.job_id),
        attempt=chunk.attempt,
        first_sequence=chunk.first_sequence,
        lines=chunk.lines,
        first_offset=chunk.first_offset,
        base_time_us=chunk.base_time_us,
        runs=chunk.runs,
        data=chunk.data,
        gap_bytes=chunk.gap_bytes,
        removed=chunk.removed,
    )


def to_lines(chunk: LogChunk) -> Iterator[wire.JobLogEntry]:
    """The lines of a chunk."""
    job_id = str(chunk.job_id)
    for entry in entries(chunk):
        yield to_line(job_id, entry, level_of(entry.data))


def to_line(job_id: str, entry: LogEntry, level: Level) -> wire.JobLogEntry:
    """One line. Bytes that are not UTF-8 read as U+FFFD, and lost output as a line that says so."""
    return wire.JobLogEntry(
        job_id=job_id,
        line=_text(entry),
        is_stderr=entry.stderr,
        timestamp=entry.at,
        sequence=entry.sequence,
        partial=entry.partial,
        attempt=split_sequence(entry.sequence)[0],
        level=level.value,
        gap_bytes=entry.gap_bytes,
        removed=entry.removed,
    )


def _text(entry: LogEntry) -> str:
    if entry.gap_bytes:
        gone = "removed by the retention of logs" if entry.removed else "lost"
        return f"[hodei: {entry.gap_bytes} bytes of output {gone}]"
    return entry.data.removesuffix(b"\r").decode("utf-8", "replace")
