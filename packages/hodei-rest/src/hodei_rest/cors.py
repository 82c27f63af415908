"""Pages of other origins that may read answers: none unless they were named."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from attrs import frozen
from litestar.types import Send

METHODS = "GET, POST, PATCH, DELETE"
ASKED = (
    "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, x-actor-id, "
    "x-correlation-id"
)
SHOWN = "etag, link, location, retry-after"
REMEMBERED_S = "600"


@frozen
class Cors:
    """`allowed` are origins as browsers say them: https://example.org."""

    allowed: Collection[str] = ()

    def headers(self, asked: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        """What an answer carries for the page that asked."""
        if not self.allowed:
            return []
        origin = asked.get("origin", "")
        if origin not in self.allowed:
            return [(b"vary", b"origin")]
        return [
            (b"vary", b"origin"),
            (b"access-control-allow-origin", origin.encode()),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", SHOWN.encode()),
        ]

    def is_preflight(self, asked: Mapping[str, str]) -> bool:
        """Whether a browser asks if a page that may call is allowed this."""
        return asked.get("origin") in self.allowed and "access-control-request-method" in asked

    async def answer_preflight(self, send: Send) -> None:
        """Say what such a page may do; who it is was added by the gate."""
        told: Any = [
            (b"access-control-allow-methods", METHODS.encode()),
            (b"access-control-allow-headers", ASKED.encode()),
            (b"access-control-max-age", REMEMBERED_S.encode()),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": told})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
