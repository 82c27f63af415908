"""Answers: JSON with a strong ETag."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, TypeVar, cast

import msgspec
from litestar import Request, Response

T = TypeVar("T")
JSON = "application/json"

_encode = msgspec.json.Encoder().encode


def etag_of(body: bytes) -> str:
    """The strong ETag of a body."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def etag_of_content(content: Any) -> str:
    """The strong ETag that the content is answered with."""
    return etag_of(_encode(content))


def matches(header: str | None, etag: str) -> bool:
    """Whether an If-None-Match or If-Match header names this ETag. A weak one never matches."""
    if header is None:
        return False
    return header.strip() == "*" or etag in (each.strip() for each in header.split(","))


def answer(
    request: Request[Any, Any, Any],
    content: T,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response[T]:
    """The content as JSON; 304 without a body if the caller has it already."""
    body = _encode(content)
    told = {"ETag": etag_of(body), "Cache-Control": "no-cache", **(headers or {})}
    known = request.headers.get("if-none-match")
    if known is not None and status == 200 and request.method in ("GET", "HEAD"):
        weak = ",".join(each.strip().removeprefix("W/") for each in known.split(","))
        if matches(weak, told["ETag"]):
            return Response(cast(T, b""), status_code=304, headers=told, media_type=JSON)
    return Response(cast(T, body), status_code=status, headers=told, media_type=JSON)
