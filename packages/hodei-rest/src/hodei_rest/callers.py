"""What the headers of a request say of the caller."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from hodei_domain.kernel.errors import InvalidInput
from litestar import Request

ACTOR_HEADERS = ("x-actor-id", "x-user-id")
CORRELATION_HEADER = "x-correlation-id"
TRACE_HEADER = "traceparent"  # W3C Trace Context
LONGEST = 256  # characters of an actor or a correlation id


@frozen
class Caller:
    """Who calls, in their own words, and under which correlation id of theirs."""

    actor: str
    correlation_id: str | None


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Read the caller. Raise InvalidInput for a value that is too long to keep."""
    told = request.headers
    actor = next((told[name] for name in ACTOR_HEADERS if told.get(name)), "")
    # A caller that traces its calls and names nothing else finds its jobs again by the trace.
    correlation_id = told.get(CORRELATION_HEADER) or told.get(TRACE_HEADER) or None
    for name, value in ((ACTOR_HEADERS[0], actor), (CORRELATION_HEADER, correlation_id or "")):
        if len(value) > LONGEST:
            raise InvalidInput(f"is longer than {LONGEST} characters", field=name)
    return Caller(actor, correlation_id)
