"""Sessions of browsers: their streams cannot carry a header, so a cookie says who they are."""

from __future__ import annotations

import time
from typing import Any

from hodei_domain.kernel.errors import Unauthenticated
from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.params import JSONBody
from msgspec import Struct

from hodei_rest import sessions
from hodei_rest.answers import answer
from hodei_rest.desk import TheDesk


class SessionRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """The token that commands use, too; the data directory's file `token` has it."""

    token: str


class Session(Struct, kw_only=True):
    """Whether a token is asked for, and whether this browser has shown it."""

    token_needed: bool
    signed_in: bool


class Sessions(Controller):
    """Sessions of browsers."""

    path = "/api/v1/session"
    tags = ("Session",)

    @get(summary="Whether this browser may call")
    async def show(self, request: Request[Any, Any, Any], desk: TheDesk) -> Response[Session]:
        """Needs no token itself."""
        token = desk.token
        cookie = sessions.read(request.headers.get("cookie", ""))
        signed_in = token is None or sessions.is_good(cookie, token, time.time())
        return answer(request, Session(token_needed=token is not None, signed_in=signed_in))

    @post(summary="Sign in", status_code=200)
    async def begin(
        self, request: Request[Any, Any, Any], desk: TheDesk, data: JSONBody[SessionRequest]
    ) -> Response[Session]:
        """Sets a cookie that scripts cannot read and other sites cannot use."""
        if not desk.is_token(data.token.strip()):
            raise Unauthenticated("the token is not this server's", field="token")
        told = answer(request, Session(token_needed=desk.token is not None, signed_in=True))
        if desk.token is not None:
            value = sessions.make(desk.token, time.time())
            told.set_cookie(_cookie(value, sessions.LASTS_S, secure=_is_encrypted(request)))
        return told

    @delete(summary="Sign out", status_code=204)
    async def end(self, request: Request[Any, Any, Any]) -> Response[None]:
        """Takes the cookie back."""
        told: Response[None] = Response(None)
        told.set_cookie(_cookie("", 0, secure=_is_encrypted(request)))
        return told


def _is_encrypted(request: Request[Any, Any, Any]) -> bool:
    """Whether the browser came by TLS, as it does to a proxy in front of us."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))


def _cookie(value: str, lasts_s: int, *, secure: bool) -> Cookie:
    return Cookie(
        key=sessions.COOKIE,
        value=value,
        max_age=lasts_s,
        path="/",
        httponly=True,
        samesite="strict",
        secure=secure,
    )
