"""Events tell what happened, in the past tense; each is written together with the state it belongs to."""

from datetime import datetime
from typing import Any

from attrs import frozen

SYSTEM = "system"
"""The actor of what the platform does by itself."""


@frozen(kw_only=True)
class Event:
    """Something that happened to one aggregate.

    `correlation_id` is the id of the aggregate it is told of (a job's events carry the job id); a caller's
    own correlation id stands beside it. `at` rises strictly within one aggregate. `actor` is who did it, by
    the name he gave; None for somebody without a name, SYSTEM for the platform.
    """

    at: datetime
    correlation_id: str
    actor: str | None = None
    caller_correlation_id: str | None = None

    @property
    def type(self) -> str:
        """The name under which it is recorded: the class's."""
        return self.__class__.__name__

    def payload(self) -> dict[str, Any]:
        """What happened, ready for JSON. Never secrets, environment values, script text or stdin."""
        return {}
