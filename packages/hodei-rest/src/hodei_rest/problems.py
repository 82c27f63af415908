"""What a caller is told when something did not go well: problem details as RFC 9457 has them."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import msgspec
from hodei_domain.kernel.errors import HodeiError, Kind
from litestar import Request, Response
from litestar.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
TYPES = "urn:hodei:problem:"  # with the code; nothing can be fetched there, the text says it all
RETRY_SECONDS = 1  # when nothing says better

STATUS: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.INVALID: 422,
        Kind.UNAUTHENTICATED: 401,
        Kind.DENIED: 403,
        Kind.NOT_FOUND: 404,
        Kind.CONFLICT: 409,
        Kind.EXHAUSTED: 429,
        Kind.UNAVAILABLE: 503,
    }
)

# What the framework refuses by itself: our code for its status.
_CODES = {
    400: "malformed-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
}
# Parameters whose names are words of the language, or of the framework.
_PARAMETERS = {"states": "state", "kind": "type", "kinds": "type", "from_": "from"}
_AT_PATH = re.compile(r" - at `(?:\$|key in \$)\.?(.*?)`$")
_LEFT_OUT = re.compile(r"^Missing required \w+ parameter '(.+?)'")
_MISSING = re.compile(r"missing required field `(.+?)`")

_log = logging.getLogger("hodei.rest")


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field; `field` is its path in the request."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error. `code` is stable and made for programs, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] = []
    correlation_id: str = ""


def problem(status: int, code: str, detail: str, errors: list[FieldError] | None = None) -> Problem:
    """Make one; its title is the status's usual name."""
    return Problem(
        type=TYPES + code,
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        errors=errors or [],
    )


def of_refusal(error: HodeiError) -> Problem:
    """An error of ours, told."""
    errors = []
    if error.field is not None:
        errors = [FieldError(error.field, error.text)]
    status = getattr(error, "http_status", STATUS[error.kind])
    return problem(status, error.code, error.message, errors)


def headers_of(told: Problem) -> dict[str, str]:
    """What goes with an answer of that status."""
    if told.status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="hodei"'}
    if told.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return {"Retry-After": str(RETRY_SECONDS)}
    return {}


def of_body(error: msgspec.MsgspecError) -> Problem:
    """A body that is not what the route takes."""
    if not isinstance(error, msgspec.ValidationError):
        return problem(400, "malformed-request", f"the body is not JSON: {error}")
    text, field = str(error), ""
    if (found := _AT_PATH.search(text)) is not None:
        text, field = text[: found.start()], found.group(1)
    if (missing := _MISSING.search(text)) is not None:
        field = f"{field}.{missing.group(1)}" if field else missing.group(1)
    where = f"{field}: " if field else "the body: "
    return problem(422, "invalid", where + text, [FieldError(field, text)])


def _of_framework(error: HTTPException) -> Problem:
    status = error.status_code
    errors = []
    if isinstance(error.extra, list):  # parameters that could not be read
        errors = [_of_parameter(each) for each in error.extra]
        status = 422
    elif (left_out := _LEFT_OUT.match(error.detail)) is not None:
        errors = [FieldError(left_out.group(1), "is missing")]
        status = 422
    texts = {
        404: "there is nothing at this address",
        405: "this address does not take that method",
    }
    told = "; ".join(f"{each.field}: {each.message}" for each in errors)
    return problem(status, _CODES.get(status, "refused"), told or texts.get(status) or error.detail, errors)


def _of_parameter(told: Mapping[str, Any]) -> FieldError:
    name = str(told.get("key", ""))
    head, dot, rest = name.partition(".")
    return FieldError(_PARAMETERS.get(head, head) + dot + rest, str(told.get("message", "")))


def new_id() -> str:
    """What an internal error is found by in the log."""
    return secrets.token_hex(8)


def of_error(error: Exception, about: str, new_id: Callable[[], str] = new_id) -> Problem:
    """Say how a request ends in which `error` was raised; `about` names it in the log.

    What is not an error of ours is a bug: it is logged with its trace and an id, and of the two the caller
    sees the id alone.
    """
    if isinstance(error, HodeiError):
        return of_refusal(error)
    if isinstance(error, msgspec.MsgspecError):
        return of_body(error)
    if isinstance(error, RecursionError):  # what reads JSON stops at a depth that nothing of ours has
        return problem(400, "malformed-request", "the body is nested too deeply")
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _of_framework(error)
    id = new_id()
    _log.error("%s failed, correlation id %s", about, id, exc_info=error)
    told = problem(500, "internal", f"internal error; the server's log has it under {id}")
    return msgspec.structs.replace(told, correlation_id=id)


def encoded(told: Problem) -> bytes:
    """As it goes over the wire."""
    return msgspec.json.encode(told)


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's handler for everything that is raised."""
    told = of_error(error, f"{request.method} {request.url.path}")
    headers = headers_of(told)
    if isinstance(error, HTTPException) and told.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers |= error.headers or {}  # the methods that the address takes
    return Response(encoded(told), status_code=told.status, media_type=MEDIA_TYPE, headers=headers)
