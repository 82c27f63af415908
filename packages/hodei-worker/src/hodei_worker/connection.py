"""Stay connected: register, stream, come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import grpc
import grpc.aio
from hodei_proto.wire import hodei as wire

from hodei_worker.agent import Agent
from hodei_worker.backoff import Backoff
from hodei_worker.move import Search, Successor
from hodei_worker.outbox import Outbox
from hodei_worker.servers import Servers
from hodei_worker.service import WorkerService
from hodei_worker.stream import Stream, StreamLost

log = logging.getLogger("hodei.worker")

# How long a new agent tries to find its server: as long as its one-time password is good for.
FIRST_PATIENCE = 300.0
# How long an agent that still has an end or output to tell tries to find its server again. Nothing runs then:
# the lease has seen to that.
LAST_PATIENCE = 300.0
UNREGISTER_SECONDS = 3.0
# A stream that brought its last message sooner after its beginning was no success: whoever is let in and cut
# off again and again must not try ever faster.
STEADY_SECONDS = 3.0
REFUSALS = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


class Refused(Exception):
    """The server will not have us; trying again would change nothing."""


class LostTouch(Exception):
    """The server could not be reached for so long that it has given up on us."""


class Connection:
    """Keeps an agent connected. `make_agent` is called once, when the server has told its worker id.

    `server` may be a list with commas: when one does not answer, or leaves, the next one is called. `dial`
    opens a connection; each try has one of its own.
    """

    def __init__(
        self,
        server: str,
        registration: Callable[[str], wire.RegisterWorkerRequest],
        make_agent: Callable[[str, Outbox], Agent],
        backoff: Backoff | None = None,
        dial: Callable[[str], WorkerService] = WorkerService,
    ) -> None:
        self._servers = Servers(server)
        self._registration = registration
        self._make_agent = make_agent
        self._outbox = Outbox()
        self._session_id = ""
        self._patience = FIRST_PATIENCE
        self._dial = dial
        self._now = asyncio.get_running_loop().time
        self._heard_at = self._now()
        self._troubled = False
        self._leaving = False
        self._service: WorkerService | None = None
        self._successor: Successor | None = None
        self._backoff = backoff or Backoff()
        self.agent: asyncio.Future[Agent] = asyncio.get_running_loop().create_future()
        self.worker_id = ""

    async def keep(self) -> None:
        """Connect, and connect again, for ever. Raise Refused or LostTouch."""
        try:
            while True:
                await self._connect()
                if self._successor is not None:
                    self._go_to(self._successor)
                    continue
                patience = max(self._patience, 0 if self._outbox.empty else LAST_PATIENCE)
                if self._now() - self._heard_at > patience:
                    raise LostTouch(f"no word from {self._servers.current} for {patience:.0f} s")
                await asyncio.sleep(self._backoff.next_seconds())
        finally:
            if self._successor is not None:
                await self._successor.service.close()

    async def _connect(self) -> None:
        """Serve one stream to its end."""
        known, self._successor = self._successor, None
        self._service = known.service if known is not None else self._dial(self._servers.current)
        try:
            await self._once(self._service, is_known=known is not None)
        except (grpc.RpcError, StreamLost) as e:
            if self._successor is None:
                self._note_trouble(e)
                self._servers.turn()
        finally:
            service, self._service = self._service, None
            await service.close()

    def close(self) -> bool:
        """After the last stream: put on disk what waits; whether there is anything."""
        return self._outbox.close()

    async def leave(self, reason: str, seconds: float) -> None:
        """Wait until the server has everything, at most so long, and say goodbye if it can be heard."""
        self._leaving = True
        if not await self._outbox.wait_empty(seconds):
            log.warning("Leaving although the server has not acknowledged everything")
        if self._service is not None and self._session_id:
            request = wire.UnregisterWorkerRequest(
                worker_id=wire.WorkerId(value=self.worker_id), force=True, reason=reason
            )
            try:
                async with asyncio.timeout(UNREGISTER_SECONDS):
                    await self._service.unregister(request, self._session_id)
            except (grpc.RpcError, TimeoutError) as e:
                log.debug("The goodbye was not heard: %s", e)

    def _go_to(self, successor: Successor) -> None:
        log.info("Going from %s to %s, which has fewer workers", self._servers.current, successor.address)
        self._servers.go_to(successor.address)

    async def _once(self, service: WorkerService, *, is_known: bool) -> None:
        agent = self.agent.result() if is_known else await self._register(service)
        search = Search(self._servers, self._dial, lambda: self._registration(self._session_id))
        stream = Stream(service.stream(self._session_id), agent, self._outbox, search)
        began = self._now()
        try:
            await stream.run()
        finally:
            self._successor = stream.successor
            if stream.lease_seconds is not None:
                self._patience = stream.lease_seconds
                self._heard_at = stream.heard_at
                self._troubled = False
                if stream.heard_at - began >= STEADY_SECONDS:
                    self._backoff.reset()

    async def _register(self, service: WorkerService) -> Agent:
        """Every connection begins here.

        With the session, once there is one, which tells at once if we are gone.
        """
        try:
            answer = await service.register(self._registration(self._session_id))
        except grpc.aio.AioRpcError as e:
            if e.code() in REFUSALS:
                raise Refused(e.details() or e.code().name) from e
            raise
        self._session_id = answer.session_id
        if not self.agent.done():
            self.worker_id = answer.worker_id.value if answer.worker_id else ""
            log.info("Registered as worker %s", self.worker_id)
            self.agent.set_result(self._make_agent(self.worker_id, self._outbox))
        return self.agent.result()

    def _note_trouble(self, error: Exception) -> None:
        """Tell once that we are cut off; the tries that follow interest nobody."""
        text = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error)
        level = logging.DEBUG if self._troubled or self._leaving else logging.WARNING
        log.log(level, "Not connected to %s: %s; trying again", self._servers.current, text)
        self._troubled = True
