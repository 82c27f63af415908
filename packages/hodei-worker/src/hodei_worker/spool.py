"""Keep the output the server has not acknowledged, in order, within a bound."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from hodei_worker.chunk import Chunk
from hodei_worker.overflow import Overflow

log = logging.getLogger("hodei.worker.spool")

WINDOW_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Stored:
    """A chunk whose data is on disk."""

    bare: Chunk
    place: int
    data_bytes: int

    @property
    def next_sequence(self) -> int:
        return self.bare.next_sequence

    @property
    def size(self) -> int:
        """In memory."""
        return self.bare.size


class Spool:
    """Output of one attempt between the pipe and the server's acknowledgement.

    Chunks leave only by `acknowledge`; sending one merely moves a mark that `rewind` sets back when a stream
    breaks. Memory holds the window and one chunk more: who appends asks `full` first. While the server is out
    of reach (`offline`) what does not fit goes to disk, so that the job goes on; a server that is there and
    slow makes the job wait instead. `on_append` is called for each chunk that comes, `on_room` whenever there
    may be room again.
    """

    def __init__(self, capacity_bytes: int = WINDOW_BYTES, overflow: Overflow | None = None) -> None:
        self._capacity = capacity_bytes
        self._overflow = overflow
        self._chunks: deque[Chunk | _Stored] = deque()
        self._held_bytes = 0
        self._discarded = False
        self._offline = False
        self._sent = 0  # how many of the first chunks have gone out on the present stream
        self.acknowledged = 0  # the server has everything before this sequence number
        self.on_append: Callable[[], None] = _nothing
        self.on_room: Callable[[], None] = _nothing

    @property
    def full(self) -> bool:
        """True while nothing more should be appended."""
        if self._held_bytes < self._capacity:
            return False
        return not self._offline or self._overflow is None or self._overflow.full

    @property
    def empty(self) -> bool:
        """True when the server has acknowledged all."""
        return not self._chunks

    @property
    def all_sent(self) -> bool:
        """True when the present stream has taken all there is so far."""
        return self._sent == len(self._chunks)

    def append(self, chunk: Chunk) -> None:
        """Take the next chunk; its first sequence number follows the last one's."""
        if self._discarded:
            return
        kept = self._put_away(chunk) if self._held_bytes >= self._capacity else chunk
        self._chunks.append(kept)
        self._held_bytes += kept.size
        self.on_append()

    def take_unsent(self) -> Chunk | None:
        """The first chunk that has not gone out on the present stream; it counts as sent from now on."""
        if self.all_sent:
            return None
        chunk = self._chunks[self._sent]
        self._sent += 1
        if isinstance(chunk, Chunk):
            return chunk
        assert self._overflow is not None
        return replace(chunk.bare, data=self._overflow.load(chunk.place, chunk.data_bytes))

    def acknowledge(self, next_sequence: int) -> None:
        """Forget what the server has stored: all chunks that end at or before this sequence number."""
        was_full = self.full
        while self._chunks and self._chunks[0].next_sequence <= next_sequence:
            chunk = self._chunks.popleft()
            self._held_bytes -= chunk.size
            self._sent = max(0, self._sent - 1)
            if isinstance(chunk, _Stored) and self._overflow is not None:
                self._overflow.release(chunk.data_bytes)
        self.acknowledged = max(self.acknowledged, next_sequence)
        if was_full and not self.full:
            self.on_room()

    def offline(self) -> None:
        """The server is out of reach: what does not fit into memory goes to disk from now on."""
        self._offline = True
        self.on_room()

    def rewind(self, next_sequence: int) -> None:
        """Begin a new stream: the server has all before `next_sequence`, the rest goes out again."""
        self._offline = False
        self._sent = 0
        self.acknowledge(next_sequence)

    def discard(self) -> None:
        """Forget everything, also what still comes, so that a job that is being killed can write its last."""
        self._discarded = True
        self._chunks.clear()
        self._held_bytes = self._sent = 0
        if self._overflow is not None:
            self._overflow.close()
        self.on_room()

    def _put_away(self, chunk: Chunk) -> Chunk | _Stored:
        """On disk if it takes it, else still in memory: nothing that was read from a job is lost here."""
        if self._overflow is None or not chunk.data:
            return chunk
        try:
            place = self._overflow.store(chunk.data)
        except OSError as e:
            log.warning("Output cannot be spooled to disk, jobs will have to wait: %s", e)
            return chunk
        return _Stored(replace(chunk, data=b""), place, len(chunk.data))


def _nothing() -> None:
    """What is called when nobody listens."""
