"""Keep the output the server has not acknowledged, in order, within a bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from hodei_worker.chunk import Chunk

WINDOW_BYTES = 4 * 1024 * 1024


class Spool:
    """Output of one attempt between the pipe and the server's acknowledgement.

    Chunks leave only by `acknowledge`; sending one merely moves a mark that `rewind` sets back when a stream
    breaks. It holds at most its capacity and one chunk more: who appends asks `full` first. `on_append` is
    called for each chunk that comes, `on_room` whenever it stops being full.
    """

    def __init__(self, capacity_bytes: int = WINDOW_BYTES) -> None:
        self._capacity = capacity_bytes
        self._chunks: deque[Chunk] = deque()
        self._held_bytes = 0
        self._discarded = False
        self._sent = 0  # how many of the first chunks have gone out on the present stream
        self.acknowledged = 0  # the server has everything before this sequence number
        self.on_append: Callable[[], None] = _nothing
        self.on_room: Callable[[], None] = _nothing

    @property
    def full(self) -> bool:
        """True while nothing more should be appended."""
        return self._held_bytes >= self._capacity

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
        self._chunks.append(chunk)
        self._held_bytes += chunk.size
        self.on_append()

    def take_unsent(self) -> Chunk | None:
        """The first chunk that has not gone out on the present stream; it counts as sent from now on."""
        if self.all_sent:
            return None
        chunk = self._chunks[self._sent]
        self._sent += 1
        return chunk

    def acknowledge(self, next_sequence: int) -> None:
        """Forget what the server has stored: all chunks that end at or before this sequence number."""
        was_full = self.full
        while self._chunks and self._chunks[0].next_sequence <= next_sequence:
            self._held_bytes -= self._chunks.popleft().size
            self._sent = max(0, self._sent - 1)
        self.acknowledged = max(self.acknowledged, next_sequence)
        if was_full and not self.full:
            self.on_room()

    def rewind(self, next_sequence: int) -> None:
        """Begin a new stream: the server has all before `next_sequence`, the rest goes out again."""
        self._sent = 0
        self.acknowledge(next_sequence)

    def discard(self) -> None:
        """Forget everything, also what still comes, so that a job that is being killed can write its last."""
        self._discarded = True
        self._chunks.clear()
        self._held_bytes = self._sent = 0
        self.on_room()


def _nothing() -> None:
    """What is called when nobody listens."""
