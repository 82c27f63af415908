"""Where Prometheus scrapes this replica: a port of its own, which answers GET /metrics and nothing else."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from attrs import frozen
from hodei_application.control_plane import ControlPlane
from hodei_domain.kernel.addresses import join
from hodei_domain.kernel.errors import PortInUse
from hodei_infrastructure.http_port import HttpPort
from prometheus_client.asgi import make_asgi_app

from hodei_grpc.exposition import registry_of

log = logging.getLogger("hodei.metrics")

PORT = 9464
OFF = -1
BACKLOG = 64
BOUNDS: dict[str, Any] = {
    "ws": "none",
    "limit_concurrency": 32,  # a scraper is one
    "timeout_keep_alive": 65,  # between two scrapes
}
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


@frozen
class MetricsEndpoint:
    """A companion of the gRPC server; without a port it serves nothing."""

    _port: HttpPort | None

    @classmethod
    def bind(cls, host: str, port: int | None) -> MetricsEndpoint:
        """Take the port. None is the usual one, if it is free: two servers on one machine are no mistake. 0
        takes a free one, OFF none. Raise PortInUse.
        """
        if port == OFF:
            return cls(None)
        asked = PORT if port is None else port
        try:
            return cls(HttpPort.take(host, asked, backlog=BACKLOG))
        except OSError as refused:
            why = f"cannot listen on {join(host, asked)} ({refused.strerror})"
            if port is None:
                log.warning("No metrics for Prometheus: %s; choose another port with HODEI_METRICS_PORT", why)
                return cls(None)
            raise PortInUse(
                f"{why}: another program does, or the address is not ours; choose another port with "
                "HODEI_METRICS_PORT (0 takes a free one, off opens none), another address with "
                "HODEI_METRICS_BIND"
            ) from None

    @property
    def address(self) -> str:
        """Where it can be reached; "" if nowhere."""
        return "" if self._port is None else self._port.address

    def close(self) -> None:
        """Give the port back."""
        if self._port is not None:
            self._port.close()

    @asynccontextmanager
    async def serving(self, control: ControlPlane) -> AsyncIterator[Mapping[str, str]]:
        """Answer while the context is open."""
        if self._port is None:
            yield {}
            return
        async with self._port.answering(
            Scrapes.of(control), name="The metrics endpoint", ends_within_s=ENDS_WITHIN_S, **BOUNDS
        ):
            log.info("Serving metrics on http://%s%s", self.address, PATH)
            yield {"metrics": self.address}
