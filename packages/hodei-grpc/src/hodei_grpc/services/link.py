"""A worker's stream, as the control plane holds it."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator

from attrs import define, field
from hodei_application.workers.commands import Command, RunAttempt
from hodei_application.workers.link import LinkClosed, Undeliverable
from hodei_domain.kernel.ids import WorkerId
from hodei_proto.wire import hodei as wire

from hodei_grpc.codec import codec
from hodei_grpc.convert import runs
from hodei_grpc.options import MAX_MESSAGE_BYTES

LEGACY_MESSAGE_BYTES = 4 * 1024 * 1024  # what existing workers take: the default of every gRPC library
ROOM = 10_000  # commands that may wait; an agent that reads none of so many is as good as gone


log = logging.getLogger("hodei.grpc")


@define(eq=False)
class StreamLink:
    """What waits to be sent to one worker. Commands but orders become messages only when they are sent."""

    worker_id: WorkerId
    is_legacy: bool
    takes_input: bool = True
    _waiting: deque[Command | wire.ServerMessage] = field(factory=deque, init=False)
    _wake: asyncio.Event = field(factory=asyncio.Event, init=False)
    _closed: str | None = field(default=None, init=False)

    def send(self, command: Command) -> None:
        """Put a command behind those that wait. Raise LinkClosed, Undeliverable."""
        self._put(self._order(command) if isinstance(command, RunAttempt) else command)

    def _order(self, command: RunAttempt) -> wire.ServerMessage:
        """Its message, if the stream can carry it: one that it cannot would break it for good."""
        if command.job.spec.live_input and not self.takes_input:
            raise Undeliverable("this old worker takes no live input", again=True)
        try:
            message = self._message(command)
            assert message is not None
            size = len(codec(wire.ServerMessage).encode(message))
        except Exception as error:
            log.exception("The order for job %s cannot be written", command.job.id)
            raise Undeliverable(f"its order cannot be written: {error}", again=False) from None
        most = LEGACY_MESSAGE_BYTES if self.is_legacy else MAX_MESSAGE_BYTES
        if size > most:
            told = f"its order takes {size} bytes, and {'this old worker' if self.is_legacy else 'a worker'}"
            raise Undeliverable(f"{told} takes no more than {most}", again=self.is_legacy)
        return message

    def answer(self, message: wire.ServerMessage) -> None:
        """Put a message behind what waits; nothing happens if the stream is closed."""
        if self._closed is None:
            self._put(message)

    def _put(self, item: Command | wire.ServerMessage) -> None:
        if self._closed is not None:
            raise LinkClosed(f"the stream of worker {self.worker_id} is closed: {self._closed}")
        if len(self._waiting) >= ROOM:
            self.close("it does not read what is sent to it")
            raise LinkClosed(f"worker {self.worker_id} does not read what is sent to it")
        self._waiting.append(item)
        self._wake.set()

    def close(self, reason: str) -> None:
        """Send what waits, then end the stream. Closing twice is no error."""
        if self._closed is None:
            self._closed = reason
            self._wake.set()

    async def messages(self) -> AsyncIterator[wire.ServerMessage]:
        """What is to be sent, as it comes; ends when the link is closed and everything was given out."""
        while True:
            while self._waiting:
                message = self._message(self._waiting.popleft())
                if message is not None:
                    yield message
            if self._closed is not None:
                return
            self._wake.clear()
            await self._wake.wait()

    def _message(self, item: Command | wire.ServerMessage) -> wire.ServerMessage | None:
        if isinstance(item, wire.ServerMessage):
            return item
        return runs.to_legacy_message(item) if self.is_legacy else runs.to_message(item, str(self.worker_id))
