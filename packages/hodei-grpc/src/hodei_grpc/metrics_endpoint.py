"""Where Prometheus scrapes this replica: a port of its own, which answers GET /metrics and nothing else."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn
from attrs import define, frozen
from hodei_application.control_plane import ControlPlane
from hodei_domain.kernel.addresses import join
from hodei_domain.kernel.errors import PortInUse
from prometheus_client.asgi import make_asgi_app

from hodei_grpc.exposition import registry_of

log = logging.getLogger("hodei.metrics")

PORT = 9464
OFF = -1
BACKLOG = 64
MOST_CALLERS = 32  # at a time; a scraper is one
KEPT_OPEN_S = 65  # between two scrapes
ENDS_WITHIN_S = 1
PATH = "/metrics"
NOT_HERE = b"The metrics of this Hodei server are at /metrics.\n"

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


@frozen
class Scrapes:
    """The ASGI application: reads what only the database knows, then tells all."""

    _control: ControlPlane
    _answer: Any

    @classmethod
    def of(cls, control: ControlPlane) -> Scrapes:
        """Of this replica."""
        return cls(control, make_asgi_app(registry_of(control.instruments)))

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] != PATH:
            await _say(send, 404, NOT_HERE)
        elif scope["method"] not in ("GET", "HEAD"):
            await _say(send, 405, b"Only GET is answered here.\n")
        else:
            await self._control.database_gauges.refresh()
            await self._answer(scope, receive, send)


async def _say(send: Send, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


class _Server(uvicorn.Server):
    """Leaves signals to the program."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@define(eq=False)
class MetricsEndpoint:
    """A companion of the gRPC server; without a socket it serves nothing."""

    host: str
    _socket: socket.socket | None

    @classmethod
    def bind(cls, host: str, port: int | None) -> MetricsEndpoint:
        """Take the port. None is the usual one, if it is free: two servers on one machine are no mistake. 0
        takes a free one, OFF none. Raise PortInUse.
        """
        if port == OFF:
            return cls(host, None)
        try:
            return cls(host, _listening(host, PORT if port is None else port))
        except OSError as refused:
            why = f"cannot listen on {join(host, PORT if port is None else port)} ({refused.strerror})"
            if port is None:
                log.warning("No metrics for Prometheus: %s; choose another port with HODEI_METRICS_PORT", why)
                return cls(host, None)
            raise PortInUse(
                f"{why}: another program does, or the address is not ours; choose another port with "
                "HODEI_METRICS_PORT (0 takes a free one, off opens none), another address with "
                "HODEI_METRICS_BIND"
            ) from None

    @property
    def address(self) -> str:
        """Where it can be reached; "" if nowhere."""
        return "" if self._socket is None else join(self.host, self._socket.getsockname()[1])

    def close(self) -> None:
        """Give the port back."""
        if self._socket is not None:
            self._socket.close()

    @asynccontextmanager
    async def serving(self, control: ControlPlane) -> AsyncIterator[Mapping[str, str]]:
        """Answer while the context is open."""
        if self._socket is None:
            yield {}
            return
        address = self.address
        server = _Server(_config(Scrapes.of(control)))
        task = asyncio.create_task(server.serve(sockets=[self._socket]), name="metrics endpoint")
        try:
            while not server.started and not task.done():  # noqa: ASYNC110  (uvicorn tells nobody)
                await asyncio.sleep(0.005)
            log.info("Serving metrics on http://%s%s", address, PATH)
            yield {"metrics": address}
        finally:
            server.should_exit = True
            with suppress(asyncio.CancelledError):
                await task


def _listening(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        limit_concurrency=MOST_CALLERS,
        timeout_keep_alive=KEPT_OPEN_S,
        timeout_graceful_shutdown=ENDS_WITHIN_S,
    )
