"""What a caller is told when something was raised."""

import logging
import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import quote

from attrs import frozen
from grpc import StatusCode
from hodei_domain.kernel.errors import AlreadyExists, HodeiError, Kind

from hodei_grpc.codec import Malformed

CODE_KEY = "hodei-error-code"
FIELD_KEY = "hodei-error-field"
CORRELATION_KEY = "hodei-correlation-id"

STATUS: Mapping[Kind, StatusCode] = MappingProxyType(
    {
        Kind.INVALID: StatusCode.INVALID_ARGUMENT,
        Kind.UNAUTHENTICATED: StatusCode.UNAUTHENTICATED,
        Kind.DENIED: StatusCode.PERMISSION_DENIED,
        Kind.NOT_FOUND: StatusCode.NOT_FOUND,
        Kind.CONFLICT: StatusCode.FAILED_PRECONDITION,  # AlreadyExists has a status of its own
        Kind.EXHAUSTED: StatusCode.RESOURCE_EXHAUSTED,
        Kind.UNAVAILABLE: StatusCode.UNAVAILABLE,
    }
)

# Status text and metadata are headers, of which a peer accepts 8 KiB in all.
_MAX_TEXT_BYTES = 4096
_MAX_VALUE_CHARS = 256

_log = logging.getLogger("hodei.grpc")


@frozen
class Refusal:
    """The end of a call that did not go well."""

    status: StatusCode
    text: str
    """For people. Short enough for a header."""
    metadata: tuple[tuple[str, str], ...]
    """Trailing metadata: our error code, the field it is about, the correlation id of a bug."""


def _new_id() -> str:
    return secrets.token_hex(8)


def refusal(error: Exception, *, about: str, new_id: Callable[[], str] = _new_id) -> Refusal:
    """Say how a call ends in which `error` was raised. `about` names the call in the log.

    Whatever is not an error of ours is a bug: it is logged with its trace and an id, and of the two the
    caller sees the id alone.
    """
    if isinstance(error, HodeiError):
        return _refused(error)
    if isinstance(error, Malformed):
        return Refusal(StatusCode.INVALID_ARGUMENT, _short(str(error)), ((CODE_KEY, "malformed-message"),))
    id = new_id()
    _log.error("%s failed, correlation id %s", about, id, exc_info=error)
    text = f"internal error; the server's log has it under {id}"
    return Refusal(StatusCode.INTERNAL, text, ((CODE_KEY, "internal"), (CORRELATION_KEY, id)))


def _refused(error: HodeiError) -> Refusal:
    status = StatusCode.ALREADY_EXISTS if isinstance(error, AlreadyExists) else STATUS[error.kind]
    metadata = [(CODE_KEY, _header(error.code))]
    if error.field:
        metadata.append((FIELD_KEY, _header(error.field)))
    return Refusal(status, _short(error.message), tuple(metadata))


def _short(text: str) -> str:
    """Cut a text so that it fits into a header, where a character takes up to twelve bytes."""
    if len(quote(text, errors="replace")) <= _MAX_TEXT_BYTES:
        return text
    low, high = 0, min(len(text), _MAX_TEXT_BYTES)
    while low < high:
        middle = (low + high + 1) // 2
        if len(quote(text[:middle], errors="replace")) <= _MAX_TEXT_BYTES:
            low = middle
        else:
            high = middle - 1
    return text[:low] + "…"


def _header(value: str) -> str:
    """Metadata is printable ASCII; anything else would break the call off instead of ending it."""
    return "".join(char if " " <= char <= "~" else "?" for char in value[:_MAX_VALUE_CHARS])
