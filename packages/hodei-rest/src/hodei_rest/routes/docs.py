"""The description of the API, for programs and for people."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from litestar import Controller, Request, Response, get

from hodei_rest.answers import etag_of, matches
from hodei_rest.openapi import document
from hodei_rest.web_files import POLICY

PAGE = {"/docs/page.js": "page.js", "/docs/page.css": "page.css"}
KINDS = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
}


class Docs(Controller):
    """Where the API describes itself."""

    include_in_schema = False

    @get("/api/v1/openapi.json", sync_to_thread=False)
    def openapi(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """The OpenAPI 3.1 document."""
        from hodei_rest.app import ROUTES

        body, etag = _document(tuple(ROUTES))
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if matches(request.headers.get("if-none-match"), etag):
            return Response(b"", status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/vnd.oai.openapi+json;version=3.1")

    @get(["/docs", "/docs/page.js", "/docs/page.css"], sync_to_thread=False)
    def page(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """A page that shows it, from this package alone."""
        name = PAGE.get(request.url.path.rstrip("/"), "index.html")
        body = (files("hodei_rest") / "docs" / name).read_bytes()
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return Response(body, headers=headers, media_type=KINDS[name.rpartition(".")[2]])


@cache
def _document(routes: tuple[Any, ...]) -> tuple[bytes, str]:
    body = document(routes)
    return body, etag_of(body)
