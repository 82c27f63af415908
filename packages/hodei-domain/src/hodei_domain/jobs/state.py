"""The states of a job and the one table of its transitions; the SQL check and the diagram come from it."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from hodei_domain.kernel.diagram import mermaid


class JobState(StrEnum):
    """Where a job stands."""

    PENDING = "PENDING"
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"


_S = JobState

LEGAL: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.SCHEDULED, _S.FAILED, _S.CANCELLED, _S.TIMEOUT}),
        _S.SCHEDULED: frozenset({_S.RUNNING, _S.PENDING, _S.FAILED, _S.CANCELLED, _S.TIMEOUT}),
        _S.RUNNING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELLED, _S.TIMEOUT, _S.PENDING}),
        _S.SUCCEEDED: frozenset(),
        _S.FAILED: frozenset(),
        _S.CANCELLED: frozenset(),
        _S.TIMEOUT: frozenset(),
    }
)

OVER = frozenset(state for state, following in LEGAL.items() if not following)
FAILURES = frozenset({JobState.FAILED, JobState.TIMEOUT})
"""What a number of failed jobs counts, wherever one is told: those that somebody cancelled are none."""

ACTIVE = frozenset({JobState.SCHEDULED, JobState.RUNNING})  # a worker holds it


def diagram() -> str:
    """The table as a mermaid state diagram."""
    return mermaid(LEGAL, JobState.PENDING)
