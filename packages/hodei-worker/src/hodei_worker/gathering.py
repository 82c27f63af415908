"""The chunk in the making."""

from __future__ import annotations

import sys
import time
from array import array

from hodei_worker.chunk import PARTIAL, Chunk

SAME_TIME_US = 1000  # reads of one stream this close together share a run, which costs 16 bytes


class Gathering:
    """Collects runs until they are sealed into a chunk.

    Numbers entries and bytes over all chunks of an attempt.
    """

    def __init__(self) -> None:
        self.next_sequence = 0
        self.next_offset = 0
        self.gap_bytes = 0  # lost since the last chunk
        self.entries = 0  # in the chunk in the making
        self.size = 0  # its bytes of data
        self._data: list[bytes] = []
        self._runs: list[list[int]] = []
        self._base_wall_us = 0
        self._base = 0.0

    def add(self, flags: int, entries: int, data: bytes) -> None:
        """Add what one read brought of one stream, now."""
        delta = self._delta_us()
        last = self._runs[-1] if self._runs else None
        if last and last[0] == flags and not flags & PARTIAL and delta - last[2] < SAME_TIME_US:
            last[1] += entries
            last[3] += len(data)
        else:
            self._runs.append([flags, entries, delta, len(data)])
        self._data.append(data)
        self.entries += entries
        self.size += len(data)

    def seal(self) -> Chunk | None:
        """The chunk of all that was added since the last one, or None if there is nothing to tell."""
        if not self._runs and not self.gap_bytes:
            return None
        if not self._runs:
            self._delta_us()
        chunk = self._chunk()
        self.next_sequence += chunk.lines
        self.next_offset += self.size
        self._data, self._runs = [], []
        self.entries = self.size = self.gap_bytes = 0
        return chunk

    def _chunk(self) -> Chunk:
        runs = array("I", [number for run in self._runs for number in run])
        return Chunk(
            first_sequence=self.next_sequence,
            lines=self.entries + (1 if self.gap_bytes else 0),
            first_offset=self.next_offset,
            base_time_us=self._base_wall_us,
            runs=_little_endian(runs),
            data=b"".join(self._data),
            gap_bytes=self.gap_bytes,
        )

    def _delta_us(self) -> int:
        """Microseconds since the chunk began; its first addition sets the time it began at.

        Within a chunk time is counted by the monotonic clock, so that a clock that is set cannot turn lines
        around.
        """
        now = time.monotonic()
        if not self._runs:
            self._base, self._base_wall_us = now, time.time_ns() // 1000
        return int((now - self._base) * 1_000_000)


def _little_endian(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
