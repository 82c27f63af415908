"""What the server has yet to hear, in the order in which it must hear it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from hodei_proto.wire.hodei import WorkerMessage

from hodei_worker import convert
from hodei_worker.attempt import Started
from hodei_worker.order import Key
from hodei_worker.spool import Spool

# What is acknowledged sooner never touches the disk: it is written at the second look that finds it. So this,
# twice at most, is what a crash of the agent can lose of the output before it.
LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Holding:
    """An attempt that the server has not closed: output it has not stored, an end it has not acknowledged.

    On every new stream start and end are told again, and output from where the server says; until then
    nothing is said (`resumed` is false).
    """

    key: Key
    spool: Spool
    started: Started | None = None
    result: WorkerMessage | None = None
    resumed: bool = True
    _started_sent: bool = False
    _result_sent: bool = False
    _result_aged: bool = False
    _result_saved: bool = False

    @property
    def running(self) -> bool:
        """True while there is no end to tell."""
        return self.result is None

    def interrupt(self) -> None:
        """The stream broke."""
        self.resumed = False
        self.spool.offline()

    def resume(self, next_sequence: int) -> None:
        """A new stream: the server has all before `next_sequence`."""
        self.spool.rewind(next_sequence)
        self._started_sent = self._result_sent = False
        self.resumed = True

    @property
    def waits(self) -> bool:
        """True while there is something that the server should have taken."""
        return self.result is not None or not self.spool.empty

    def save_aged(self) -> None:
        """Write to disk what the server should have taken by now."""
        self.spool.save_aged()
        if self._result_aged:
            self.save()
        self._result_aged = self.result is not None

    def save(self) -> bool:
        """Write everything to disk that is not there; whether the end is there now."""
        if self.result is None or self.result.result is None:
            self.spool.save()
        elif not self._result_saved:
            self._result_saved = self.spool.save_end(convert.to_end(self.result.result))
        return self._result_saved

    def next_start(self) -> WorkerMessage | None:
        """That the process runs, if that has not been said on this stream."""
        if self.started is None or self._started_sent or not self.resumed:
            return None
        self._started_sent = True
        return convert.from_started(self.key, self.started)

    def next_report(self) -> WorkerMessage | None:
        """The next output, or after all of it the end."""
        if not self.resumed:
            return None
        chunk = self.spool.take_unsent()
        if chunk is not None:
            return convert.from_chunk(self.key, chunk)
        if self.result is None or self._result_sent:
            return None
        self._result_sent = True
        return self.result


class Outbox:
    """Hands out the next message for the stream: short ones first, then output and ends in order.

    So a heartbeat never waits for more than the one chunk that is on its way. What the server does not
    acknowledge within a moment is written to disk.
    """

    def __init__(self) -> None:
        self._control: deque[WorkerMessage] = deque()
        self._holdings: dict[Key, Holding] = {}
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._look: asyncio.TimerHandle | None = None

    def __iter__(self) -> Iterator[Holding]:
        return iter(self._holdings.values())

    @property
    def empty(self) -> bool:
        """True when the server has closed every attempt."""
        return not self._holdings

    def get(self, key: Key) -> Holding | None:
        """The attempt, if the server has not closed it."""
        return self._holdings.get(key)

    def post(self, message: WorkerMessage) -> None:
        """A short message for the present stream. It is lost with the stream."""
        self._control.append(message)
        self._filled.set()

    def hold(self, key: Key, spool: Spool) -> Holding:
        """Begin to account for an attempt."""
        holding = Holding(key, spool)
        spool.key = key
        spool.on_append = self.wake
        self._holdings[key] = holding
        self._emptied.clear()
        return holding

    def drop(self, key: Key) -> None:
        """The server has closed the attempt, or wants to hear nothing of it."""
        holding = self._holdings.pop(key, None)
        if holding is not None:
            holding.spool.discard()
        if not self._holdings:
            self._emptied.set()

    def interrupt(self) -> None:
        """The stream broke: short messages were for it alone, everything else waits for the next one."""
        self._control.clear()
        for holding in self:
            holding.interrupt()

    def wake(self) -> None:
        """There may be something to send."""
        self._filled.set()
        self._look_soon()

    def close(self) -> bool:
        """Nothing more will be sent. Ends that wait stay on disk with their output; whether there are any."""
        if self._look is not None:
            self._look.cancel()
        kept = False
        for holding in [each for each in self if not each.running]:
            kept = holding.save() or kept
            holding.spool.discard(keep=True)
            del self._holdings[holding.key]
        return kept

    def _look_soon(self) -> None:
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._save_aged)

    def _save_aged(self) -> None:
        self._look = None
        for holding in self:
            holding.save_aged()
        if any(holding.waits for holding in self):
            self._look_soon()

    async def wait_empty(self, seconds: float) -> bool:
        """Wait until the server has closed every attempt, at most so long; tell whether it has."""
        try:
            async with asyncio.timeout(seconds):
                await self._emptied.wait()
        except TimeoutError:
            return False
        return True

    async def next(self) -> WorkerMessage:
        """The next message to send; waits for one."""
        while True:
            message = self._next()
            if message is not None:
                return message
            self._filled.clear()
            await self._filled.wait()

    def _next(self) -> WorkerMessage | None:
        if self._control:
            return self._control.popleft()
        for holding in self:
            message = holding.next_start()
            if message is not None:
                return message
        for holding in self:
            message = holding.next_report()
            if message is not None:
                return message
        return None
