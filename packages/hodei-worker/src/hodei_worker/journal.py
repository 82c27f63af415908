"""Room on disk for what the server has not acknowledged."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from hodei_worker.scratch import Scratch

log = logging.getLogger("hodei.worker.spool")

CAPACITY_BYTES = 64 * 1024 * 1024  # what containers get for it on top of their jobs' own room
SEGMENT_BYTES = 4 * 1024 * 1024  # room is given back by so much
RETRY_SECONDS = 5.0  # after the disk has refused


class Shelf:
    """The files of all attempts of one agent, and the bound that they share.

    They lie in a 0700 directory that was made before any job ran. A file is always made anew (a planted name
    is refused, no link is followed), is ours alone (0600), and is read through the descriptor that wrote it:
    what becomes of its name is of no account. Trouble is told once, and once more when it is over.
    """

    def __init__(self, scratch: Scratch, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._scratch = scratch
        self._capacity = capacity_bytes
        self._held_bytes = 0
        self._files = 0
        self._retry_at: float | None = None
        self._was_full = False

    @property
    def full(self) -> bool:
        """True when nothing more should be stored: the bound is reached, or the disk has just refused."""
        if self._retry_at is not None and time.monotonic() < self._retry_at:
            return True
        return self._held_bytes >= self._capacity

    def open(self) -> tuple[int, int]:
        """A new file: its descriptor and its number. Raise OSError."""
        directory = self._scratch.spool_directory()
        self._files += 1
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(f"{self._files:09}", flags, 0o600, dir_fd=directory), self._files

    def remove(self, number: int) -> None:
        """Its contents are needed no more."""
        with suppress(OSError):
            os.unlink(f"{number:09}", dir_fd=self._scratch.spool_directory())

    def count(self, change: int) -> None:
        """So many bytes more, or fewer, lie on disk."""
        self._held_bytes += change
        is_full = self._held_bytes >= self._capacity
        if is_full and not self._was_full:
            log.warning(
                "The spool is full (%d MiB wait for the server): jobs wait at their pipes, or lose output "
                "with a mark in the log where they asked for that",
                self._held_bytes >> 20,
            )
        self._was_full = is_full and (self._was_full or change > 0)

    def refused(self, error: Exception) -> None:
        """The disk did not take or give something."""
        if self._retry_at is None:
            log.warning(
                "The spool's disk refuses (%s): what the server has not taken stays in memory, and jobs wait "
                "at their pipes, or lose output with a mark in the log, when that is full",
                error,
            )
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def worked(self) -> None:
        """The disk took something."""
        if self._retry_at is not None:
            self._retry_at = None
            log.info("The spool's disk works again")


@dataclass(slots=True)
class _Segment:
    fd: int
    number: int
    start: int  # place of its first byte
    end: int
    held_bytes: int = 0


class Journal:
    """Records of one attempt, in order; `store` gives a place, and they are released in the same order.

    Lies in files of SEGMENT_BYTES, each removed when nothing in it is needed any more. Everything raises
    OSError where the disk does; what was stored before stays good.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._segments: deque[_Segment] = deque()
        self._end = 0

    @property
    def full(self) -> bool:
        """True when nothing more should be stored."""
        return self._shelf.full

    def store(self, record: bytes) -> int:
        """Write behind what is there, and return the place."""
        try:
            segment = self._segment()
            view, at = memoryview(record), self._end - segment.start
            while view:
                written = os.pwrite(segment.fd, view, at)
                view, at = view[written:], at + written
        except OSError as e:
            self._shelf.refused(e)
            raise
        self._shelf.worked()
        self._shelf.count(len(record))
        place = self._end
        self._end = segment.end = place + len(record)
        segment.held_bytes += len(record)
        return place

    def load(self, place: int, size: int) -> bytes:
        """Read what was stored there."""
        segment = next(each for each in self._segments if each.start <= place < each.end)
        parts, at = [], place - segment.start
        while size:
            part = os.pread(segment.fd, size, at)
            if not part:
                raise OSError("the spool's file is shorter than it was")
            parts.append(part)
            at, size = at + len(part), size - len(part)
        return b"".join(parts)

    def release(self, size: int) -> None:
        """So many of the oldest stored bytes are needed no more."""
        self._shelf.count(-size)
        while size:
            oldest = self._segments[0]
            done = min(size, oldest.held_bytes)
            oldest.held_bytes -= done
            size -= done
            if oldest.held_bytes == 0:
                self._drop(self._segments.popleft())

    def close(self, *, keep: bool = False) -> None:
        """Give the room back; with `keep` the files stay for whoever looks after us."""
        for segment in self._segments:
            self._shelf.count(-segment.held_bytes)
            if keep:
                os.close(segment.fd)
            else:
                self._drop(segment)
        self._segments.clear()

    def _segment(self) -> _Segment:
        if not self._segments or self._end - self._segments[-1].start >= SEGMENT_BYTES:
            fd, number = self._shelf.open()
            self._segments.append(_Segment(fd, number, self._end, self._end))
        return self._segments[-1]

    def _drop(self, segment: _Segment) -> None:
        os.close(segment.fd)
        self._shelf.remove(segment.number)
