"""Move a job's output from its two pipes into the spool.

Byte-exact, in order, and no faster than it is taken.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass

from hodei_worker.chunk import PARTIAL, STDERR
from hodei_worker.gathering import Gathering
from hodei_worker.lines import cut
from hodei_worker.spool import Spool

CHUNK_BYTES = 256 * 1024  # as much as one read takes, and what a chunk may grow to while the sender is busy
SOON = 0.01  # seconds: after a pause the first output goes out this fast instead of after the whole interval
# A program that writes line by line would wake us for each line. After two small reads in a row we look again
# only after this time; the pipe holds 256 KiB meanwhile, so up to 128 MB/s it notices nothing.
REST = 0.002
SMALL_READ = 64 * 1024
READS_AT_END = 5  # of CHUNK_BYTES: a pipe of the size we ask for, or the 1 MiB that is the most it can be


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When output is sent on: after so many lines or so many seconds, whichever comes first."""

    lines: int = 100
    seconds: float = 0.1
    drop: bool = False  # lose output, with a visible gap, rather than slow the job down


@dataclass(slots=True)
class _Pipe:
    """The reading end of one stream of the job."""

    fd: int
    flags: int
    held: bytes = b""  # the beginning of a line whose end has not come
    held_since: float = 0.0
    read_at: float = 0.0
    open: bool = True
    watched: bool = False
    resting: asyncio.TimerHandle | None = None


class LogPump:
    """Reads both pipes of one attempt until they end.

    While the spool is full, one chunk grows up to CHUNK_BYTES, then reading stops and the job waits at its
    full pipe; with `Pace.drop` it does not wait, and what is lost is counted in the next chunk's `gap_bytes`.
    The beginning of a line is held for one flush at most: a prompt without a line feed is seen, whole lines
    are rarely broken.
    """

    def __init__(self, stdout: int, stderr: int, spool: Spool, pace: Pace) -> None:
        self._loop = asyncio.get_running_loop()
        self._pipes = (_Pipe(stdout, 0), _Pipe(stderr, STDERR))
        self._spool = spool
        self._pace = pace
        self._gathering = Gathering()
        self._timer: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0
        self._ended = self._loop.create_future()
        self._last_output_at = time.monotonic()
        self.dropped_bytes = self.dropped_lines = 0

    @property
    def next_sequence(self) -> int:
        """How many entries there have been so far."""
        return self._gathering.next_sequence

    @property
    def next_offset(self) -> int:
        """How many bytes there have been so far."""
        return self._gathering.next_offset

    def start(self) -> None:
        """Begin to read."""
        self._spool.on_room = self._room
        for pipe in self._pipes:
            self._watch(pipe)

    def read_now(self) -> None:
        """Read what is there without waiting to be woken: the job has just ended.

        No more than the pipes held at its end, because a process that outlived it may be writing still.
        """
        for pipe in self._pipes:
            for _ in range(READS_AT_END):
                if not pipe.open or self._blocked or not self._read(pipe):
                    break

    async def drain(self, seconds: float) -> bool:
        """Wait until both pipes have ended, or brought nothing for so long; tell whether they ended.

        The time in which we do not read, because the server is slow to take, does not count.
        """
        while not self._ended.done():
            await asyncio.wait((self._ended,), timeout=seconds)
            if not self._ended.done() and not self._blocked and self.silent_for >= seconds:
                return False
        return True

    @property
    def silent_for(self) -> float:
        """Seconds for which the job has written nothing although we would have read it."""
        if self._blocked:
            self._last_output_at = time.monotonic()
        return time.monotonic() - self._last_output_at

    def close(self) -> None:
        """Give the last output to the spool, full or not, and read no more."""
        for pipe in self._pipes:
            self._end(pipe)
        self._flush()
        if self._timer is not None:
            self._timer.cancel()
        self._spool.on_room = lambda: None

    # -- reading -----------------------------------------------------------------------------------

    @property
    def _blocked(self) -> bool:
        """True while the job has to wait for us."""
        return not self._pace.drop and self._spool.full and self._gathering.size >= CHUNK_BYTES

    @property
    def _dropping(self) -> bool:
        """True while output is lost.

        From when there is no room for it until the gap it leaves could be told.
        """
        gathered = self._gathering
        return (
            self._pace.drop and self._spool.full and (gathered.size >= CHUNK_BYTES or gathered.gap_bytes > 0)
        )

    def _watch(self, pipe: _Pipe) -> None:
        pipe.resting = None
        if pipe.open and not pipe.watched and not self._blocked:
            self._loop.add_reader(pipe.fd, self._readable, pipe)
            pipe.watched = True

    def _unwatch(self, pipe: _Pipe) -> None:
        if pipe.watched:
            self._loop.remove_reader(pipe.fd)
            pipe.watched = False

    def _readable(self, pipe: _Pipe) -> None:
        before = pipe.read_at
        taken = self._read(pipe)
        if self._blocked:
            for each in self._pipes:
                self._unwatch(each)
        elif taken and taken < SMALL_READ and pipe.read_at - before < REST and pipe.open:
            self._unwatch(pipe)
            pipe.resting = self._loop.call_later(REST, self._watch, pipe)

    def _read(self, pipe: _Pipe) -> int:
        """Read once; return how many bytes that brought."""
        try:
            data = os.read(pipe.fd, CHUNK_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self._end(pipe)
            return 0
        pipe.read_at = self._last_output_at = time.monotonic()
        self._take(pipe, data)
        return len(data)

    def _take(self, pipe: _Pipe, data: bytes) -> None:
        if self._dropping:
            self._drop(pipe, data)
            return
        pieces, rest = cut(pipe.held + data if pipe.held else data)
        for piece in pieces:
            self._gathering.add(pipe.flags | (PARTIAL if piece.partial else 0), piece.entries, piece.data)
        if rest and (pieces or not pipe.held):
            pipe.held_since = pipe.read_at
        pipe.held = rest
        if self._gathering.entries >= self._pace.lines or self._gathering.size >= CHUNK_BYTES:
            self._flush_if_room()
        self._arm()

    def _drop(self, pipe: _Pipe, data: bytes) -> None:
        """Lose output.

        What was gathered before it goes first, so the gap stands where the bytes are missing.
        """
        if self._gathering.entries:
            self._flush()
        lost = len(data) + len(pipe.held)
        pipe.held = b""
        self._gathering.gap_bytes += lost
        self.dropped_bytes += lost
        self.dropped_lines += data.count(b"\n")

    def _end(self, pipe: _Pipe) -> None:
        if not pipe.open:
            return
        self._unwatch(pipe)
        if pipe.resting is not None:
            pipe.resting.cancel()
        os.close(pipe.fd)
        pipe.open = False
        if pipe.held:  # the last line had no line feed
            self._gathering.add(pipe.flags, 1, pipe.held)
            pipe.held = b""
            self._arm()
        if not any(each.open for each in self._pipes) and not self._ended.done():
            self._ended.set_result(None)

    # -- sending on --------------------------------------------------------------------------------

    def _arm(self) -> None:
        """See to it that what waits goes out in time.

        Soon after a pause, else one interval after the last.
        """
        if self._timer is not None or not (self._gathering.size or any(pipe.held for pipe in self._pipes)):
            return
        now = self._loop.time()
        due = max(self._flushed_at + self._pace.seconds, now + min(SOON, self._pace.seconds))
        self._timer = self._loop.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._spool.full and self._gathering.size:
            return  # _room takes it up
        for pipe in self._pipes:
            if pipe.held and time.monotonic() - pipe.held_since >= self._pace.seconds:
                self._gathering.add(pipe.flags | PARTIAL, 1, pipe.held)
                pipe.held = b""
        self._flush_if_room()
        self._arm()

    def _room(self) -> None:
        """The spool takes chunks again."""
        self._flush_if_room()
        self._arm()
        for pipe in self._pipes:
            if pipe.resting is None:
                self._watch(pipe)

    def _flush_if_room(self) -> None:
        if not self._spool.full:
            self._flush()

    def _flush(self) -> None:
        chunk = self._gathering.seal()
        if chunk is not None:
            self._flushed_at = self._loop.time()
            self._spool.append(chunk)
