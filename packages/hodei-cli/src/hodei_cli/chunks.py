"""A job's output, byte for byte, onto this process's own stdout and stderr."""

from __future__ import annotations

import os
import select
import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import LogChunk

STDERR, PLATFORM = 1, 4  # flags of a run
_RUN = struct.Struct("<4I")  # flags, entries, microseconds since the chunk's base time, bytes


class Printer:
    """Writes chunks in order and remembers where it is, so that a broken stream can be taken up again.

    Gaps and the beginning of a further attempt are lines of Hodei's own on stderr; so is what the platform
    wrote into the log (pulling an image, say), if `platform` is asked for. `before` is called before anything
    is written.
    """

    def __init__(
        self,
        stdout: int = 1,
        stderr: int = 2,
        *,
        platform: bool = False,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._platform = platform
        self._before = before
        self._attempt = 0
        self._next = 0  # number of the next entry of that attempt

    @property
    def since_sequence(self) -> int:
        """What to subscribe from: everything up to here was written."""
        return max(self._attempt - 1, 0) * 2**40 + self._next

    def write(self, chunk: LogChunk) -> None:
        """Write what of the chunk is new. Raise BrokenPipeError if nobody reads any more."""
        self._before()
        if chunk.attempt > self._attempt:
            self._begin(chunk.attempt)
        end = chunk.first_sequence + chunk.lines
        if chunk.attempt < self._attempt or end <= self._next:
            return  # sent again after a broken stream
        for stderr, data in merged(self._shown(unseen(chunk, self._next - chunk.first_sequence))):
            write_all(self._stderr if stderr else self._stdout, data)
        self._next = end

    def say(self, text: str) -> None:
        """A line of Hodei's own on stderr."""
        self._before()
        write_all(self._stderr, f"hodei: {text}\n".encode())

    def _begin(self, attempt: int) -> None:
        if self._attempt:
            self.say(f"attempt {attempt}")
        self._attempt, self._next = attempt, 0

    def _shown(self, pieces: Iterable[Piece]) -> Iterator[tuple[bool, bytes]]:
        for piece in pieces:
            if not piece.platform:
                yield piece.stderr, piece.data
            elif self._platform or not piece.data:
                yield (
                    True,
                    b"hodei: " + (piece.data or f"{missing(piece.gap, piece.removed)}\n".encode()),
                )


class Piece(NamedTuple):
    """Bytes of one stream. A gap is a platform's piece without bytes."""

    data: bytes
    stderr: bool = False
    platform: bool = False
    gap: int = 0
    removed: bool = False


def missing(count: int, removed: bool) -> str:
    """What is said where output is not there."""
    if removed:
        return f"{count} bytes of output are gone: they were kept for as long as the server keeps logs"
    return f"{count} bytes of output were lost here"


def unseen(chunk: LogChunk, seen: int) -> Iterator[Piece]:
    """The chunk's pieces behind its first `seen` entries (0 or less: all of it)."""
    seen = max(seen, 0)
    if chunk.gap_bytes:
        if not seen:
            yield Piece(b"", stderr=True, platform=True, gap=chunk.gap_bytes, removed=chunk.removed)
        seen = max(seen - 1, 0)
    position = 0
    for flags, entries, _, length in _RUN.iter_unpack(chunk.runs):
        data = chunk.data[position : position + length]
        position += length
        if seen < entries:
            # Not splitlines(): an entry ends with "\n" and nothing else.
            rest = data.split(b"\n", seen)[seen] if seen else data
            yield Piece(rest, stderr=bool(flags & STDERR), platform=bool(flags & PLATFORM))
        seen = max(seen - entries, 0)


def merged(pieces: Iterable[tuple[bool, bytes]]) -> Iterator[tuple[bool, bytes]]:
    """Neighbours of one stream as one piece: fewer writes."""
    for stderr, group in groupby(pieces, key=itemgetter(0)):
        yield stderr, b"".join(data for _, data in group)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; waits where the other end is slow, a non-blocking descriptor included."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            select.select([], [fd], [])
