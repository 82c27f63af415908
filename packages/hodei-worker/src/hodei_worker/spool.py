"""Keep the output the server has not acknowledged, in order, within a bound."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from hodei_worker.chunk import Chunk
from hodei_worker.journal import Journal
from hodei_worker.order import Key
from hodei_worker.records import BrokenRecord, pack_chunk, pack_end, unpack_chunk

log = logging.getLogger("hodei.worker.spool")

WINDOW_BYTES = 4 * 1024 * 1024
STALLED_AFTER = 8  # looks without an acknowledgement: the server is as good as out of reach
NOBODY = Key("", 0)


@dataclass(slots=True)
class _Entry:
    """One chunk: in memory, on disk, or both. `chunk` has no data when it is on disk alone."""

    chunk: Chunk
    data_bytes: int
    place: int = -1  # on disk
    stored_bytes: int = 0
    in_memory: bool = True

    @property
    def size(self) -> int:
        """In memory."""
        return self.chunk.size


class Spool:
    """Output of one attempt between the pipe and the server's acknowledgement.

    Chunks leave only by `acknowledge`; sending one merely moves a mark that `rewind` sets back when a stream
    breaks. What is acknowledged at once never touches the disk: `save_aged`, called every moment, writes what
    was there at the call before. Memory holds the window and one chunk more: who appends asks `full` first.
    While the server is out of reach (`offline`, or no acknowledgement for long) what does not fit lies on
    disk alone, so that the job goes on; a server that is there and slow makes the job wait instead.

    `on_append` is called for each chunk that comes, `on_room` whenever there may be room again. What a broken
    disk has lost leaves a gap, and all that follows is counted anew: `lost_entries` and `lost_bytes` less.
    """

    def __init__(self, capacity_bytes: int = WINDOW_BYTES, journal: Journal | None = None) -> None:
        self._capacity = capacity_bytes
        self._journal = journal
        self._entries: deque[_Entry] = deque()
        self._held_bytes = 0
        self._discarded = False
        self._offline = False
        self._sent = 0  # how many of the first entries have gone out on the present stream
        self._saved = 0  # how many of the first entries are on disk
        self._aged = 0  # how many of the first entries were there at the last look
        self._looks_in_vain = 0
        self.key = NOBODY
        self.lost_entries = self.lost_bytes = 0
        self.acknowledged = 0  # the server has everything before this sequence number
        self.on_append: Callable[[], None] = _nothing
        self.on_room: Callable[[], None] = _nothing

    @property
    def full(self) -> bool:
        """True while nothing more should be appended."""
        if self._held_bytes < self._capacity:
            return False
        return not self._offline or self._journal is None or self._journal.full

    @property
    def empty(self) -> bool:
        """True when the server has acknowledged all."""
        return not self._entries

    @property
    def all_sent(self) -> bool:
        """True when the present stream has taken all there is so far."""
        return self._sent == len(self._entries)

    def append(self, chunk: Chunk) -> None:
        """Take the next chunk; its first sequence number follows the last one's."""
        if self._discarded:
            return
        entry = _Entry(self._counted(chunk), len(chunk.data))
        self._entries.append(entry)
        if self._offline and self._held_bytes >= self._capacity and self.save():
            self._forget_data(entry)
        self._held_bytes += entry.size
        self.on_append()

    def take_unsent(self) -> Chunk | None:
        """The first chunk that has not gone out on the present stream; it counts as sent from now on."""
        if self.all_sent:
            return None
        entry = self._entries[self._sent]
        chunk = entry.chunk if entry.in_memory else self._load(entry)
        self._sent += 1
        return chunk

    def acknowledge(self, next_sequence: int) -> None:
        """Forget what the server has stored: all chunks that end at or before this sequence number."""
        was_full = self.full
        before = len(self._entries)
        while self._entries and self._entries[0].chunk.next_sequence <= next_sequence:
            self._let_go(self._entries.popleft())
        gone = before - len(self._entries)
        self._sent, self._saved, self._aged = (
            max(0, n - gone) for n in (self._sent, self._saved, self._aged)
        )
        self.acknowledged = max(self.acknowledged, next_sequence)
        if gone and self._looks_in_vain >= STALLED_AFTER:
            self._offline = False
        if gone:
            self._looks_in_vain = 0
        if was_full and not self.full:
            self.on_room()

    def offline(self) -> None:
        """The server is out of reach: what does not fit into memory goes to disk from now on."""
        self._offline = True
        self.on_room()

    def rewind(self, next_sequence: int) -> None:
        """Begin a new stream: the server has all before `next_sequence`, the rest goes out again."""
        self._offline = False
        self._looks_in_vain = 0
        self._sent = 0
        self.acknowledge(next_sequence)

    def save_aged(self) -> None:
        """Write what was there at the last call, and is there still."""
        self.save(self._aged)
        self._aged = len(self._entries)
        self._looks_in_vain += 1
        if self._looks_in_vain == STALLED_AFTER and not self.empty:
            self.offline()

    def save(self, count: int | None = None) -> bool:
        """Write the first `count` entries, or all; whether they are on disk now."""
        wanted = len(self._entries) if count is None else count
        return all(self._store(entry) for entry in islice(self._entries, self._saved, wanted))

    def save_end(self, end: Mapping[str, object]) -> bool:
        """Write how the attempt ended, behind all output; whether that could be done."""
        if self._journal is None or self._discarded or not self.save():
            return False
        try:
            self._journal.store(pack_end(self.key, end))
        except OSError:
            return False
        return True

    def discard(self, *, keep: bool = False) -> None:
        """Forget everything, also what still comes, so that a job that is being killed can write its last.

        With `keep` what is on disk stays there, for whoever looks after a dead agent.
        """
        self._discarded = True
        self._entries.clear()
        self._held_bytes = self._sent = self._saved = self._aged = 0
        if self._journal is not None:
            self._journal.close(keep=keep)
        self.on_room()

    def _counted(self, chunk: Chunk) -> Chunk:
        if not self.lost_entries and not self.lost_bytes:
            return chunk
        return _moved(chunk, self.lost_entries, self.lost_bytes)

    def _store(self, entry: _Entry) -> bool:
        if self._journal is None or self._journal.full:
            return False
        record = pack_chunk(self.key, entry.chunk)
        try:
            entry.place = self._journal.store(record)
        except OSError:
            return False
        entry.stored_bytes = len(record)
        self._saved += 1
        return True

    def _forget_data(self, entry: _Entry) -> None:
        entry.chunk = replace(entry.chunk, data=b"", runs=b"")
        entry.in_memory = False

    def _let_go(self, entry: _Entry) -> None:
        self._held_bytes -= entry.size
        if entry.stored_bytes and self._journal is not None:
            self._journal.release(entry.stored_bytes)

    def _load(self, entry: _Entry) -> Chunk:
        assert self._journal is not None
        known = entry.chunk
        try:
            found = unpack_chunk(self._journal.load(entry.place, entry.stored_bytes))
        except (OSError, BrokenRecord) as e:
            return self._lose(entry, e)
        return replace(found, first_sequence=known.first_sequence, first_offset=known.first_offset)

    def _lose(self, entry: _Entry, error: Exception) -> Chunk:
        """The disk does not give a chunk back: a mark takes its place, and what follows moves up.

        Nothing of what follows is stored by the server, which takes output in order only.
        """
        lost = entry.chunk
        log.error(
            "Job %s: %d bytes of its output are lost in the spool: %s", self.key, entry.data_bytes, error
        )
        entry.chunk = replace(lost, lines=1, gap_bytes=lost.gap_bytes + entry.data_bytes)
        entry.in_memory = True
        for later in islice(self._entries, self._sent + 1, None):
            later.chunk = _moved(later.chunk, lost.lines - 1, entry.data_bytes)
        self.lost_entries += lost.lines - 1
        self.lost_bytes += entry.data_bytes
        return entry.chunk


def _moved(chunk: Chunk, entries: int, size: int) -> Chunk:
    return replace(
        chunk, first_sequence=chunk.first_sequence - entries, first_offset=chunk.first_offset - size
    )


def _nothing() -> None:
    """What is called when nobody listens."""
