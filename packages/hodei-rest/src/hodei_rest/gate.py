"""What stands before everything: who may call, from where, how often, how much."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from attrs import define, frozen
from hodei_application.admission import Admission
from hodei_domain.kernel.errors import HodeiError, InvalidInput, Kind, Unauthenticated
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

from hodei_rest import sessions
from hodei_rest.cors import Cors
from hodei_rest.origins import Origins
from hodei_rest.problems import MEDIA_TYPE, Problem, encoded, headers_of, of_refusal, problem

API = "/api/"
OPEN = frozenset({"/api/v1/session", "/api/v1/openapi.json"})
JOBS, EVENTS = "/api/v1/jobs", "/api/v1/events"
LARGEST_BODY = 48 * 1024 * 1024
"""A script and an input of the greatest length that a job may have, as JSON."""

ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class TooLarge(InvalidInput):
    """The body is larger than anything that is taken."""

    kind: ClassVar[Kind] = Kind.INVALID
    code: ClassVar[str] = "too-large"


@frozen
class Asked:
    """What the gate looks at."""

    method: str
    path: str
    headers: Mapping[str, str]
    peer: str

    @classmethod
    def of(cls, scope: Any) -> Asked:
        """Read the scope of a request or a WebSocket."""
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        method = "WEBSOCKET" if scope["type"] == "websocket" else scope["method"]
        return cls(method, scope["path"], headers, _who(scope.get("client")))

    @property
    def is_stream(self) -> bool:
        """Whether the answer goes on for as long as somebody listens."""
        if self.method == "WEBSOCKET" or self.path == EVENTS:
            return True
        return "text/event-stream" in self.headers.get("accept", "")


def _who(client: tuple[str, int] | None) -> str:
    """Callers on this machine are told apart by connection, others by address."""
    if client is None:
        return "unix"
    host, port = client
    return f"{host}:{port}" if host.startswith("127.") or host == "::1" else host


@define
class Gate:
    """Lets requests through to the service behind it, or says why not."""

    admission: Admission
    origins: Origins
    cors: Cors
    inner: ASGIApp
    clock: Callable[[], float] = time.time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":  # type: ignore[comparison-overlap]
            await self.inner(scope, receive, send)
            return
        asked = Asked.of(scope)
        send = self._marked(send, asked)
        if asked.method == "OPTIONS" and self.cors.is_preflight(asked.headers):
            await self.cors.answer_preflight(send)
            return
        if asked.method == "OPTIONS":  # the framework's own answer to it does not know all methods
            scope = {**scope, "method": "TRACE"}  # type: ignore[assignment]
        refused = self.refuses(asked)
        if refused is not None:
            await refuse(refused, scope, send)
            return
        if not asked.is_stream:
            await self.inner(scope, receive, send)
            return
        try:
            await self.inner(scope, receive, send)
        finally:
            self.admission.close_stream()

    def refuses(self, asked: Asked) -> HodeiError | None:
        """Why this must not happen, or None; then a stream is counted in."""
        refused = (
            self.admission.refuses_peer(asked.peer, brings_job=asked.method == "POST" and asked.path == JOBS)
            or self.origins.refuses(asked.method, asked.headers)
            or self._refuses_caller(asked)
            or _refuses_body(asked)
        )
        if refused is None and asked.is_stream:
            return self.admission.open_stream()
        return refused

    def _refuses_caller(self, asked: Asked) -> Unauthenticated | None:
        token = self.admission.token
        if token is None or not asked.path.startswith(API) or asked.path in OPEN:
            return None
        header = asked.headers.get("authorization", "")
        cookie = asked.headers.get("cookie")
        if not header and cookie is not None and sessions.is_good(sessions.read(cookie), token, self.clock()):
            return None
        return self.admission.refuses_bearer(header)

    def _marked(self, send: Send, asked: Asked) -> Send:
        more = [*ALWAYS, *self.cors.headers(asked.headers)]

        async def marked(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                start: HTTPResponseStartEvent = message  # type: ignore[assignment]
                start["headers"] = [*start.get("headers", ()), *more]
            await send(message)

        return marked


def _refuses_body(asked: Asked) -> TooLarge | None:
    length = asked.headers.get("content-length", "0")
    if length.isdecimal() and int(length) <= LARGEST_BODY:
        return None
    return TooLarge(f"the body has {length[:20]} bytes; at most {LARGEST_BODY} are taken")


async def refuse(refused: HodeiError, scope: Any, send: Send) -> None:
    """Answer a request, or a WebSocket's opening, with a problem."""
    told = of_refusal(refused)
    if isinstance(refused, TooLarge):
        told = problem(413, refused.code, refused.message)
    prefix = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": told.code})
        return
    await _send(told, prefix, send)


async def _send(told: Problem, prefix: str, send: Send) -> None:
    body = encoded(told)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in headers_of(told).items()]
    start: Any = {"type": f"{prefix}.start", "status": told.status, "headers": headers}
    rest: Any = {"type": f"{prefix}.body", "body": body}
    await send(start)
    await send(rest)
