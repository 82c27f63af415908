"""Find another server before the present one is left."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import grpc
import grpc.aio
from hodei_proto.wire import hodei as wire

from hodei_worker.servers import Servers
from hodei_worker.service import WorkerService

log = logging.getLogger("hodei.worker")

ANSWERS_WITHIN = 4.0  # seconds; one that takes longer is no better place


@dataclass(frozen=True, slots=True)
class Successor:
    """A server that has let us in already, and waits for our stream."""

    address: str
    service: WorkerService


@dataclass(frozen=True, slots=True)
class Search:
    """Registers by the agent's session at every address that may lead to the server asked for."""

    servers: Servers
    dial: Callable[[str], WorkerService]
    registration: Callable[[], wire.RegisterWorkerRequest]

    async def __call__(self, server_id: str) -> Successor | None:
        """The server of that id, or None where no address leads to it."""
        for address in self.servers.elsewhere():
            service = self.dial(address)
            try:
                if await self._who_is(service) == server_id:
                    return Successor(address, service)
            except BaseException:
                await service.close()
                raise
            await service.close()
        log.debug("No way to the server %s was found", server_id)
        return None

    async def _who_is(self, service: WorkerService) -> str:
        request = self.registration()
        request.auth_token = ""  # whoever does not know the session must not take us for somebody new
        with suppress(grpc.RpcError):
            return (await service.register(request, ANSWERS_WITHIN)).server_id
        return ""
