"""Doors for workers: further addresses of this machine where agents, and nobody else, find the server.

A container cannot reach the loopback address of its host, and the whole server is not to be offered where
containers can. So only what agents call is offered there.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from datetime import datetime

import grpc.aio
from attrs import define, field
from hodei_application.control_plane import ControlPlane
from hodei_application.workers.register_worker import DEV_PREFIX
from hodei_domain.kernel.addresses import EVERYWHERE, join

from hodei_grpc import methods
from hodei_grpc.guard import Guard, Guarded
from hodei_grpc.introspection import Health, add_health
from hodei_grpc.options import SERVER_OPTIONS
from hodei_grpc.rpc import handlers, service_name
from hodei_grpc.services.agents import WorkerAgents

log = logging.getLogger("hodei.server")


@define(eq=False)
class Doors:
    """Opens doors beside a server that listens at `host` and `port`."""

    host: str
    port: int
    _handler: grpc.GenericRpcHandler | None = field(default=None, init=False)
    _served: asyncio.Event = field(factory=asyncio.Event, init=False)
    _open: dict[str, tuple[str, grpc.aio.Server, Health]] = field(factory=dict, init=False)
    _lock: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    def serve(self, control: ControlPlane, guard: Guard, clock: Callable[[], datetime]) -> None:
        """What is offered at each door, behind the server's own guard. Nobody is an operator there, and a
        `dev-` token, which anybody could make up, lets nobody in.
        """
        agents = WorkerAgents(control, clock, lambda _: False, lambda token: not token.startswith(DEV_PREFIX))
        self._handler = Guarded(handlers(methods.WorkerAgentService, agents), guard)
        self._served.set()

    async def open(self, host: str) -> str | None:
        """host:port for workers that reach this machine at `host`; None if that is no address of it.

        Opening twice is opening once. Waits until the server serves. The port is the server's own if it is
        free there.
        """
        if not _is_ours(host):
            return None
        if self.host in (*EVERYWHERE, host):
            return join(host, self.port)
        await self._served.wait()
        async with self._lock:
            if host not in self._open:
                self._open[host] = await self._listen(host)
            return self._open[host][0]

    async def _listen(self, host: str) -> tuple[str, grpc.aio.Server, Health]:
        assert self._handler is not None, "serve() comes first"
        server = grpc.aio.server(options=SERVER_OPTIONS)
        health = add_health(server)
        server.add_generic_rpc_handlers((self._handler,))
        port = _bind(server, host, self.port) or _bind(server, host, 0)
        await server.start()
        await health.serve([service_name(methods.WorkerAgentService)])
        address = join(host, port)
        log.info("Workers are served on %s", address)
        return address, server, health

    async def stop(self, grace: float) -> None:
        """Close all doors; calls under way have `grace` seconds to end."""
        doors, self._open = self._open, {}
        for _, _, health in doors.values():
            await health.stop()
        await asyncio.gather(*(server.stop(grace) for _, server, _ in doors.values()))


def _bind(server: grpc.aio.Server, host: str, port: int) -> int:
    """The port that was bound, 0 if it is another's."""
    try:
        return server.add_insecure_port(join(host, port))
    except RuntimeError:
        return 0


def _is_ours(host: str) -> bool:
    """Whether this is an address of this machine: no other can be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True
