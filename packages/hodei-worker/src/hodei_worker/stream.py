"""One stream to the server, from hello to its end."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from hodei_proto.wire import hodei as wire

from hodei_worker.agent import PROTOCOL, Agent
from hodei_worker.move import Successor
from hodei_worker.outbox import Outbox
from hodei_worker.service import WorkerStream

log = logging.getLogger("hodei.worker")

WELCOME_SECONDS = 10.0
HEARTBEAT_SECONDS = 5.0  # where the welcome does not say
LEASE_SECONDS = 45.0
# The server answers every heartbeat. When it has said nothing for so many intervals the stream is dead,
# whatever TCP thinks of it.
SILENT_INTERVALS = 3
LETS_GO_WITHIN = 5.0  # seconds for a server to end the stream that we have ended


class StreamLost(Exception):
    """The stream is no more; the text says why."""


class Stream:
    """Carries messages both ways until one side fails.

    The writer and the heart run only after the welcome. When the server asks us to go to another one, which
    `search` finds, that is the `successor`: nothing more is said here, and what the server sent before it
    ends the stream still counts.
    """

    def __init__(
        self,
        call: WorkerStream,
        agent: Agent,
        outbox: Outbox,
        search: Callable[[str], Awaitable[Successor | None]],
    ) -> None:
        self._call = call
        self._search = search
        self._moving: asyncio.Task[None] | None = None
        self.successor: Successor | None = None
        self._agent = agent
        self._outbox = outbox
        self._interval = HEARTBEAT_SECONDS
        self._now = asyncio.get_running_loop().time
        self.heard_at = self._now()
        self.lease_seconds: float | None = None  # None until the server has welcomed us
        self._asked: deque[float] = deque()  # when we sent the hello and the heartbeats without an answer yet

    async def run(self) -> None:
        """Serve until the stream is lost. Always raises: StreamLost or grpc.RpcError."""
        self._outbox.interrupt()
        try:
            await self._greet()
            await self._serve()
        finally:
            if self._moving is not None:
                self._moving.cancel()
                await asyncio.gather(self._moving, return_exceptions=True)
            self._outbox.interrupt()
            self._call.cancel()

    async def _greet(self) -> None:
        self._asked.append(self._now())
        await self._call.write(self._agent.hello())
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                while self.lease_seconds is None:
                    self._take(await self._read())
        except TimeoutError as e:
            raise StreamLost("the server does not answer our hello") from e

    async def _serve(self) -> None:
        tasks = [asyncio.create_task(work) for work in (self._listen(), self._send(), self._beat())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            self._take(await self._read())

    async def _read(self) -> wire.ServerMessage:
        message = await self._call.read()
        if not isinstance(message, wire.ServerMessage):  # EOF
            raise StreamLost("the server ended the stream")
        self.heard_at = self._now()
        return message

    def _take(self, message: wire.ServerMessage) -> None:
        if message.welcome is not None:
            self._welcomed(message.welcome)
        elif message.ack is not None:
            self._granted(message.ack.lease_ms / 1000)
        elif message.move is not None and self._moving is None:
            self._moving = asyncio.create_task(self._move(message.move.server_id))
        self._agent.receive(message)

    def _granted(self, seconds: float) -> None:
        """An answer to the oldest heartbeat that has none. An older server does not say how long."""
        if self._asked and self.lease_seconds is not None:
            self._agent.lease.grant(self._asked.popleft(), seconds or self.lease_seconds)

    def _welcomed(self, welcome: wire.Welcome) -> None:
        if welcome.protocol > PROTOCOL:
            raise StreamLost(f"the server wants to speak version {welcome.protocol}, we know {PROTOCOL}")
        self._interval = welcome.heartbeat_interval_ms / 1000 or HEARTBEAT_SECONDS
        self.lease_seconds = welcome.lease_ms / 1000 or LEASE_SECONDS
        self._granted(self.lease_seconds)
        log.info("Connected to server")
        if not (self._agent.draining or self._agent.busy):
            log.info("Waiting for jobs")

    async def _move(self, server_id: str) -> None:
        """Get ready to go, unless there is something to do by then."""
        successor = None if self._agent.occupied else await self._search(server_id)
        if successor is not None and self._agent.occupied:
            await successor.service.close()
        elif successor is not None:
            self.successor = successor
            self._tell()  # the last word here: the writer sees that we go
        if self.successor is None:
            self._moving = None

    async def _send(self) -> None:
        while self.successor is None:
            await self._call.write(await self._outbox.next())
        await self._call.done_writing()
        await asyncio.sleep(LETS_GO_WITHIN)
        raise StreamLost("the server does not let us go")

    async def _beat(self) -> None:
        while True:
            # While a job runs twice as often: the answers say how long it may, and the newer they are the
            # longer an absence of the server it outlives.
            await self._agent.watch.sleep(self._interval / 2 if self._agent.busy else self._interval)
            silent = self._now() - self.heard_at
            if silent > SILENT_INTERVALS * self._interval:
                raise StreamLost(f"the server has said nothing for {silent:.0f} s")
            self._tell()

    def _tell(self) -> None:
        self._asked.append(self._now())
        self._outbox.post(self._agent.heartbeat())
