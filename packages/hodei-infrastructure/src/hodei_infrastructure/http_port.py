"""A port on which a program answers HTTP: taken first, answered when there is an application, given back in
good order.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn
from attrs import define
from hodei_domain.kernel.addresses import join
from uvicorn.protocols.utils import ClientDisconnected

log = logging.getLogger("hodei.http")


class _Server(uvicorn.Server):
    """Leaves signals to the program: uvicorn would take them, and raise them again when it is done."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@define(eq=False)
class HttpPort:
    """A bound port; connections wait until answering()."""

    host: str
    port: int
    _socket: socket.socket
    _backlog: int

    @classmethod
    def take(cls, host: str, port: int, *, backlog: int) -> HttpPort:
        """Listen there; 0 takes a free one. Raise OSError."""
        bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
            bound.listen(backlog)  # only now is it certain that nobody else listens there
        except OSError:
            bound.close()
            raise
        bound.setblocking(False)
        return cls(host, bound.getsockname()[1], bound, backlog)

    @property
    def address(self) -> str:
        """Where it can be reached."""
        return join(self.host, self.port)

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    @asynccontextmanager
    async def answering(
        self, application: Any, *, name: str, ends_within_s: int, **options: Any
    ) -> AsyncIterator[None]:
        """Let the ASGI application answer while the context is open; what it answers when that is left has
        `ends_within_s` seconds. `options` are further ones of uvicorn.Config. Raise what it cannot start for.
        """
        server = _Server(
            uvicorn.Config(
                _refusing_quietly(application),
                loop="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=self._backlog,
                timeout_graceful_shutdown=ends_within_s,
                **options,
            )
        )
        task = asyncio.create_task(server.serve(sockets=[self._socket]), name=name)
        task.add_done_callback(lambda _: _tell_end(server, name))
        try:
            while not server.started and not task.done():  # noqa: ASYNC110  (uvicorn tells nobody)
                await asyncio.sleep(0.005)
            if task.done():
                await task  # raises what it ended with
            yield
        finally:
            server.should_exit = True
            with suppress(asyncio.CancelledError):
                await task


def _refusing_quietly(application: Any) -> Any:
    """Wrap the application so that refusing a WebSocket logs no error. uvicorn 0.54 sends the refusal and
    then logs at ERROR that the handshake was not completed, unless the application reports that the peer is
    gone.
    """

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        refused = False

        async def watched(message: Any) -> None:
            nonlocal refused
            refused = refused or message["type"] == "websocket.http.response.start"
            await send(message)

        if scope["type"] != "websocket":
            await application(scope, receive, send)
            return
        await application(scope, receive, watched)
        if refused:
            raise ClientDisconnected

    return answer


def _tell_end(server: uvicorn.Server, name: str) -> None:
    if not server.should_exit:
        log.error("%s has ended by itself; start the server anew", name)
