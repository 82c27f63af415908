"""The HTTP server: a port first, answers when there is a control plane, a graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from attrs import define, frozen
from hodei_application.admission import Admission, RateLimit
from hodei_application.control_plane import ControlPlane
from hodei_domain.kernel.addresses import join
from hodei_domain.kernel.errors import PortInUse

from hodei_rest.app import Service, api
from hodei_rest.cors import Cors
from hodei_rest.desk import Desk
from hodei_rest.gate import Gate
from hodei_rest.origins import Origins
from hodei_rest.web_files import WebFiles

log = logging.getLogger("hodei.rest")

ENDS_WITHIN_S = 2  # answers are over in milliseconds, and streams end at once when told
BACKLOG = 1024
LARGEST_MESSAGE = 64 * 1024  # of a WebSocket, from a client: none has anything to say


@frozen(kw_only=True)
class Limits:
    """How much one service takes, and from whom. `token` None admits callers without one."""

    token: str | None
    rate: float = 5000.0  # calls a second of one peer
    max_streams: int = 10_000
    only_loopback: bool = True
    cors_origins: tuple[str, ...] = ()


class _Server(uvicorn.Server):
    """Leaves signals to the program: uvicorn would take them, and raise them again when it is done."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@define(eq=False)
class RestService:
    """A bound port that answers within serving()."""

    host: str
    port: int
    _socket: socket.socket
    _limits: Limits

    @classmethod
    def bind(cls, host: str, port: int, limits: Limits) -> RestService:
        """Take the port; 0 takes a free one. Raise PortInUse."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
            bound.listen(BACKLOG)  # only now is it certain that nobody else listens there
        except OSError as error:
            bound.close()
            raise PortInUse(
                f"cannot listen on {join(host, port)} for REST and the dashboard ({error.strerror}); choose "
                "another port with HODEI_REST_PORT or --rest-port, 0 takes a free one"
            ) from None
        bound.setblocking(False)
        return cls(host, bound.getsockname()[1], bound, limits)

    @property
    def address(self) -> str:
        """Where it can be reached."""
        return join(self.host, self.port)

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    @asynccontextmanager
    async def serving(self, control: ControlPlane) -> AsyncIterator[Mapping[str, str]]:
        """Answer while the context is open; what is given is announced to who looks for the service."""
        limits = self._limits
        admission = Admission(limits.token, RateLimit(limits.rate), limits.max_streams)
        desk = Desk(control, admission)
        gate = Gate(
            admission,
            Origins(limits.only_loopback, limits.cors_origins),
            Cors(limits.cors_origins),
            Service(api(desk), WebFiles()),
        )
        server = _Server(_config(gate))
        task = asyncio.create_task(server.serve(sockets=[self._socket]), name="rest")
        task.add_done_callback(lambda _: _tell_end(server))
        try:
            while not server.started and not task.done():  # noqa: ASYNC110  (uvicorn tells nobody)
                await asyncio.sleep(0.005)
            if task.done():
                await task  # raises what it ended with
            log.info("Serving REST on http://%s", self.address)
            yield {"rest": self.address}
        finally:
            desk.stopping.set()
            server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _tell_end(server: uvicorn.Server) -> None:
    if not server.should_exit:
        log.error("REST has ended by itself; start the server anew")


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # a loud job would cost more processor time than it saves bytes
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=ENDS_WITHIN_S,
    )
