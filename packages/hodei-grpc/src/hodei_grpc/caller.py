"""What the metadata of a call says of the caller."""

from typing import Any

from attrs import frozen
from grpc.aio import ServicerContext
from hodei_domain.kernel.errors import InvalidInput

ACTOR_KEYS = ("x-actor-id", "x-user-id")
CORRELATION_KEY = "x-correlation-id"
TRACE_KEY = "traceparent"  # W3C Trace Context
SESSION_KEY = "x-hodei-session"
LONGEST = 256  # characters of an actor or a correlation id


@frozen
class Caller:
    """Who calls, in their own words, and under which correlation id of theirs."""

    actor: str | None
    correlation_id: str | None


def caller_of(context: ServicerContext[Any, Any]) -> Caller:
    """Read the caller from the metadata. Raise InvalidInput for a value that is too long to keep."""
    told = metadata_of(context)
    actor = next((told[key] for key in ACTOR_KEYS if told.get(key)), None)
    # A caller that traces its calls and names nothing else finds its jobs again by the trace.
    correlation_id = told.get(CORRELATION_KEY) or told.get(TRACE_KEY) or None
    return Caller(_short(actor, ACTOR_KEYS[0]), _short(correlation_id, CORRELATION_KEY))


def metadata_of(context: ServicerContext[Any, Any]) -> dict[str, str]:
    """The text metadata of a call; of a key that comes twice the last value."""
    pairs = context.invocation_metadata() or ()
    return {str(key): value for key, value in pairs if isinstance(value, str)}


def _short(value: str | None, key: str) -> str | None:
    if value is not None and len(value) > LONGEST:
        raise InvalidInput(f"is longer than {LONGEST} characters", field=key)
    return value
