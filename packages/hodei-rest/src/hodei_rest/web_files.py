"""The dashboard's files, as they were built into this package."""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from attrs import define, field, frozen
from litestar.types import Receive, Send

from hodei_rest.answers import etag_of, matches

INDEX = "index.html"
PACKED_FROM = 1024  # bytes; less is not worth it
HASHED = "assets/"  # the build puts a hash of the content into each name there

# Scripts and styles are files of ours; a style attribute is how a virtual list places its rows.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
NOT_BUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Hodei</title>
<h1>Hodei is up, its dashboard is not built</h1>
<p>This checkout has no built dashboard. <code>just web</code> builds it; a released package has it.</p>
<p>What works: the <a href="/docs">description of the API</a> and the API itself at <code>/api/v1</code>.</p>
</html>
"""


@frozen
class File:
    """One file, ready to be sent; as it is, or packed with gzip."""

    body: bytes
    media_type: str
    etag: str
    hashed: bool
    encoding: bytes = b""

    def packed(self) -> File:
        """The same, smaller on its way."""
        etag = self.etag[:-1] + '-gzip"'
        return File(gzip.compress(self.body, 6, mtime=0), self.media_type, etag, self.hashed, b"gzip")


def built() -> Traversable:
    """Where the build puts them."""
    return files("hodei_rest") / "web"


def _walk(place: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for each in place.iterdir():
        if each.is_dir():
            yield from _walk(each, f"{prefix}{each.name}/")
        elif not each.name.startswith("."):
            yield prefix + each.name, each


@define(eq=False)
class WebFiles:
    """Serves them; every other address is the dashboard's own, which reads it in the browser."""

    place: Traversable = field(factory=built)
    _known: dict[str, Traversable] = field(init=False)
    _read: dict[str, File] = field(factory=dict, init=False)
    _packed: dict[str, File] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._known = dict(_walk(self.place)) if self.place.is_dir() else {}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008, "reason": "not-found"})
            return
        if scope["method"] not in ("GET", "HEAD"):
            await _send(send, 405, b"", [(b"allow", b"GET, HEAD")])
            return
        headers = dict(scope["headers"])
        name = scope["path"].lstrip("/")
        pack = _takes_gzip(headers.get(b"accept-encoding", b""))
        file = self._file(name, pack) or (None if name.startswith(HASHED) else self._file(INDEX, pack))
        if file is None:
            body = b"" if name.startswith(HASHED) else NOT_BUILT
            await _send(send, 404 if not body or name else 200, body, _html())
            return
        told = _headers(file)
        if matches(headers.get(b"if-none-match", b"").decode("latin-1") or None, file.etag):
            await _send(send, 304, b"", told)
            return
        told.append((b"content-length", str(len(file.body)).encode()))
        await _send(send, 200, b"" if scope["method"] == "HEAD" else file.body, told)

    def _file(self, name: str, pack: bool) -> File | None:
        """By its name in the listing that was made at the start: no path of a caller is ever opened."""
        if name in self._known and name not in self._read:
            body = self._known[name].read_bytes()
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            text = kind.startswith("text/") or kind in ("application/json", "application/javascript")
            kind += "; charset=utf-8" if text else ""
            self._read[name] = File(body, kind, etag_of(body), name.startswith(HASHED))
        file = self._read.get(name)
        if file is None or not pack or len(file.body) < PACKED_FROM or "charset" not in file.media_type:
            return file
        if name not in self._packed:
            self._packed[name] = file.packed()
        return self._packed[name]


def _takes_gzip(header: bytes) -> bool:
    for each in header.lower().split(b","):
        name, _, weight = each.partition(b";")
        if name.strip() == b"gzip":
            return weight.replace(b" ", b"") not in (b"q=0", b"q=0.0")
    return False


def _headers(file: File) -> list[tuple[bytes, bytes]]:
    lasting = b"public, max-age=31536000, immutable" if file.hashed else b"no-cache"
    told = [
        (b"content-type", file.media_type.encode()),
        (b"etag", file.etag.encode()),
        (b"cache-control", lasting),
        (b"vary", b"accept-encoding"),
    ]
    if file.encoding:
        told.append((b"content-encoding", file.encoding))
    return [*told, (b"content-security-policy", POLICY.encode())]


def _html() -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", POLICY.encode()),
    ]


async def _send(send: Send, status: int, body: bytes, headers: Any) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
