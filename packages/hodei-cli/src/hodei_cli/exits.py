"""Exit statuses of the command line: one table, from what the server answers to what a shell sees."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Exit(IntEnum):
    """Statuses below 128 that are Hodei's own. `hodei run` otherwise exits with the job's own status."""

    OK = 0
    FAILED = 1  # a check that was asked for found something, or a job ended badly without a status of its own
    USAGE = 64
    CONFLICT = 65
    NOT_FOUND = 66
    UNAVAILABLE = 69
    BUG = 70
    EXHAUSTED = 75
    REFUSED = 77
    TIMEOUT = 124  # as timeout(1)
    INTERRUPTED = 130
    BROKEN_PIPE = 141


# By the name of the gRPC status. What is not listed is a bug of ours and exits with BUG.
BY_STATUS: Mapping[str, Exit] = {
    "INVALID_ARGUMENT": Exit.USAGE,
    "OUT_OF_RANGE": Exit.USAGE,
    "UNAUTHENTICATED": Exit.REFUSED,
    "PERMISSION_DENIED": Exit.REFUSED,
    "NOT_FOUND": Exit.NOT_FOUND,
    "FAILED_PRECONDITION": Exit.CONFLICT,
    "ALREADY_EXISTS": Exit.CONFLICT,
    "ABORTED": Exit.CONFLICT,
    "RESOURCE_EXHAUSTED": Exit.EXHAUSTED,
    "UNAVAILABLE": Exit.UNAVAILABLE,
    "DEADLINE_EXCEEDED": Exit.UNAVAILABLE,
    "CANCELLED": Exit.UNAVAILABLE,
}


def for_signal(number: int) -> int:
    """The status a shell gives to a process that a signal ended."""
    return 128 + number
