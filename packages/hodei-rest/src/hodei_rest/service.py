"""The HTTP server: a port first, answers when there is a control plane, a graceful end."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from attrs import define, frozen
from hodei_application.admission import Admission, RateLimit
from hodei_application.control_plane import ControlPlane
from hodei_domain.kernel.addresses import join
from hodei_domain.kernel.errors import PortInUse
from hodei_infrastructure.http_port import HttpPort

from hodei_rest.app import Service, api
from hodei_rest.cors import Cors
from hodei_rest.desk import Desk
from hodei_rest.gate import Gate
from hodei_rest.origins import Origins
from hodei_rest.web_files import WebFiles

log = logging.getLogger("hodei.rest")

ENDS_WITHIN_S = 2  # answers are over in milliseconds, and streams end at once when told
BACKLOG = 1024
PROTOCOLS: dict[str, Any] = {
    "http": "httptools",
    "ws": "websockets-sansio",
    "ws_max_size": 64 * 1024,  # from a client: none has anything to say
    "ws_per_message_deflate": False,  # a loud job would cost more processor time than it saves bytes
}


@frozen(kw_only=True)
class Limits:
    """How much one service takes, and from whom. `token` None admits callers without one."""

    token: str | None
    rate: float = 5000.0  # calls a second of one peer
    max_streams: int = 10_000
    only_loopback: bool = True
    cors_origins: tuple[str, ...] = ()


@define(eq=False)
class RestService:
    """A bound port that answers within serving()."""

    _port: HttpPort
    _limits: Limits

    @classmethod
    def bind(cls, host: str, port: int, limits: Limits) -> RestService:
        """Take the port; 0 takes a free one. Raise PortInUse."""
        try:
            return cls(HttpPort.take(host, port, backlog=BACKLOG), limits)
        except OSError as error:
            raise PortInUse(
                f"cannot listen on {join(host, port)} for REST and the dashboard ({error.strerror}); choose "
                "another port with HODEI_REST_PORT or --rest-port, 0 takes a free one"
            ) from None

    @property
    def port(self) -> int:
        """The one that was taken."""
        return self._port.port

    @property
    def address(self) -> str:
        """Where it can be reached."""
        return self._port.address

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

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
        async with self._port.answering(gate, name="REST", ends_within_s=ENDS_WITHIN_S, **PROTOCOLS):
            log.info("Serving REST on http://%s", self.address)
            try:
                yield {"rest": self.address}
            finally:
                desk.stopping.set()
