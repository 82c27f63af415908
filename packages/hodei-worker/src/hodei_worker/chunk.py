"""A stretch of a job's output as it travels.

Exact bytes, and beside them which stream wrote them and when.
"""

from __future__ import annotations

from dataclasses import dataclass

STDERR = 1  # bits of a run's flags
PARTIAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Consecutive output of one attempt.

    `runs` holds a quadruple of little-endian uint32 for each read or flush: flags, entries, microseconds
    since `base_time_us` (since the epoch), bytes. `data` is all bytes in order of arrival; the entries of a
    run are its pieces between line feeds. Sequence numbers count entries, offsets count bytes, over both
    streams. `gap_bytes` were lost right before this chunk; the gap is an entry of its own, the chunk's first.
    """

    first_sequence: int
    lines: int
    first_offset: int
    base_time_us: int
    runs: bytes
    data: bytes
    gap_bytes: int = 0

    @property
    def next_sequence(self) -> int:
        """The number of the first entry after this chunk."""
        return self.first_sequence + self.lines

    @property
    def size(self) -> int:
        """Bytes it takes in memory and on the wire, closely enough to bound both."""
        return len(self.data) + len(self.runs) + 64
