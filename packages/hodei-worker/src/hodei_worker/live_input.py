"""A job's standard input as it comes over the stream."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable

ROOM_BYTES = 4 * 1024 * 1024
"""Received and not yet taken by the job. The sender waits for an acknowledgement long before."""

SILENCE_SECONDS = 120.0
"""The sender says something once in 10 s, also when there is nothing to send, and waits for a server that is
away for a minute.
"""

LOST = "input-lost"
LOST_TEXT = (
    f"the input broke off: its sender was not heard of for {SILENCE_SECONDS:.0f} s, so there is no telling "
    "whether more was to come"
)

Acknowledge = Callable[[int, bool], None]
"""Told how many bytes the job's pipe has taken so far, and whether it takes no more."""


class LiveInput:
    """Writes what comes into the job's pipe: each byte once, in order, as the job takes it.

    The descriptor is ours to close. Pieces may come again, and overlap: what was received is passed over.
    `acknowledge` is called when all that was received is taken, and at once for a piece that begins beyond
    what was received, and when the job takes no more.
    """

    def __init__(self, fd: int, acknowledge: Acknowledge, silent: Callable[[], None]) -> None:
        self._fd = fd
        self._acknowledge = acknowledge
        self._silent = silent
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[memoryview] = deque()
        self._received = 0
        self._taken = 0
        self._length: int | None = None  # of the whole, once its end has come
        self._writing = False
        self._alarm = self._loop.call_later(SILENCE_SECONDS, silent)

    @property
    def closed(self) -> bool:
        """Whether the job takes no more: it has all, or reads no more, or has ended."""
        return self._fd < 0

    def receive(self, offset: int, data: bytes, *, end: bool) -> None:
        """Take the bytes from `offset` on, behind which nothing comes if `end`."""
        is_known = offset <= self._received
        if end and is_known:
            self._length = offset + len(data)
        self._set_alarm()
        if self.closed or not is_known:
            self._acknowledge(self._taken, self.closed)
            return
        fresh = memoryview(data)[self._received - offset :]
        if fresh and len(fresh) <= ROOM_BYTES - (self._received - self._taken):
            self._received += len(fresh)
            self._waiting.append(fresh)
        self._write()

    def close(self) -> None:
        """The job reads no more."""
        self._alarm.cancel()
        if not self.closed:
            self._stop_writing()
            self._waiting.clear()
            os.close(self._fd)
            self._fd = -1

    def _set_alarm(self) -> None:
        """Listen for the sender until the end has come."""
        self._alarm.cancel()
        if self._length is None and not self.closed:
            self._alarm = self._loop.call_later(SILENCE_SECONDS, self._silent)

    def _write(self) -> None:
        """Give the pipe what it takes, and acknowledge when it has everything."""
        try:
            while self._waiting:
                written = os.write(self._fd, self._waiting[0])
                self._taken += written
                self._waiting[0] = self._waiting[0][written:]
                if not self._waiting[0]:
                    self._waiting.popleft()
        except BlockingIOError:
            self._write_later()
            return
        except OSError:  # EPIPE: the job has closed its end, which is its right
            self.close()
        if self._taken == self._length:
            self.close()
        self._stop_writing()
        self._acknowledge(self._taken, self.closed)

    def _write_later(self) -> None:
        if not self._writing:
            self._loop.add_writer(self._fd, self._write)
            self._writing = True

    def _stop_writing(self) -> None:
        if self._writing:
            self._loop.remove_writer(self._fd)
            self._writing = False
