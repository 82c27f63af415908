"""Counts the log of an old worker, which does not count itself."""

from __future__ import annotations

from datetime import datetime

from attrs import define
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import PARTIAL, STDERR, LogChunk, Run, pack_runs, pieces_of, to_microseconds


@define(eq=False)
class LegacyLog:
    """Makes chunks of what an old worker sends, in order of arrival.

    It sends each text once and never again, so sequence and offset simply go on. What it sent while its
    stream was down is lost, as it always was with such workers.
    """

    job_id: JobId
    attempt: int
    next_sequence: int = 0
    next_offset: int = 0

    def chunk(self, data: bytes, *, stderr: bool, at: datetime) -> LogChunk:
        """The next chunk. `data` is not empty; it may hold several lines, or a part of one."""
        count = len(pieces_of(data))
        flags = (STDERR if stderr else 0) | (0 if data.endswith(b"\n") else PARTIAL)
        chunk = LogChunk(
            job_id=self.job_id,
            attempt=self.attempt,
            first_sequence=self.next_sequence,
            lines=count,
            first_offset=self.next_offset,
            base_time_us=to_microseconds(at),
            runs=pack_runs([Run(flags, count, 0, len(data))]),
            data=data,
        )
        self.next_sequence += chunk.lines
        self.next_offset += len(data)
        return chunk
