"""Events as rows of the audit trail."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from hodei_domain.kernel.events import Event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNTER_BITS = 24
_written = itertools.count(random.getrandbits(_COUNTER_BITS - 1))

# What json_to_recordset makes of event_rows(), and how it becomes rows of audit_logs.
EVENT_COLUMNS = (
    "id uuid, at timestamptz, type text, actor text, correlation_id text, caller_correlation_id text, "
    "payload jsonb"
)
INSERT_EVENTS = (
    "INSERT INTO audit_logs "
    "(occurred_at, event_type, actor, correlation_id, payload, caller_correlation_id, id) "
    "SELECT at, type, actor, correlation_id, payload, caller_correlation_id, id "
    f"FROM json_to_recordset(%(events)s::json) AS e ({EVENT_COLUMNS})"
)


def event_rows(events: Iterable[Event]) -> list[dict[str, Any]]:
    """The events as JSON-ready rows, with ids that rise in this order."""
    return [
        {
            "id": _id_of(event.at),
            "at": event.at,
            "type": event.type,
            "actor": event.actor,
            "correlation_id": event.correlation_id,
            "caller_correlation_id": event.caller_correlation_id,
            "payload": event.payload(),
        }
        for event in events
    ]


def _id_of(at: datetime) -> str:
    """A version 7 UUID: the event's time, then the order in which this process wrote, then chance."""
    since = at - _EPOCH
    ms, us = (
        (since.days * 86400 + since.seconds) * 1000 + since.microseconds // 1000,
        since.microseconds % 1000,
    )
    count = next(_written) & ((1 << _COUNTER_BITS) - 1)
    chance = random.getrandbits(62 - _COUNTER_BITS)
    number = ms << 80 | 7 << 76 | us << 64 | 2 << 62 | count << (62 - _COUNTER_BITS) | chance
    return f"{number:032x}"
