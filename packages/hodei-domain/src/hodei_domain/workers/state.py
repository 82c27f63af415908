"""The states of a worker and the one table of its transitions."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from hodei_domain.kernel.diagram import mermaid


class WorkerState(StrEnum):
    """Where a worker stands.

    CREATING and TERMINATING are intents that are repeated until the provider confirms them.
    """

    CREATING = "CREATING"
    CONNECTING = "CONNECTING"
    READY = "READY"
    BUSY = "BUSY"
    DRAINING = "DRAINING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"


_W = WorkerState

LEGAL: Mapping[WorkerState, frozenset[WorkerState]] = MappingProxyType(
    {
        _W.CREATING: frozenset({_W.CONNECTING, _W.TERMINATING, _W.TERMINATED}),
        _W.CONNECTING: frozenset({_W.READY, _W.TERMINATING, _W.TERMINATED}),
        _W.READY: frozenset({_W.BUSY, _W.DRAINING, _W.TERMINATING, _W.TERMINATED}),
        _W.BUSY: frozenset({_W.READY, _W.DRAINING, _W.TERMINATING, _W.TERMINATED}),
        _W.DRAINING: frozenset({_W.TERMINATING, _W.TERMINATED}),
        _W.TERMINATING: frozenset({_W.TERMINATED}),
        _W.TERMINATED: frozenset(),
    }
)

STARTING = frozenset({WorkerState.CREATING, WorkerState.CONNECTING})
GOING = frozenset({WorkerState.TERMINATING, WorkerState.TERMINATED})


def diagram() -> str:
    """The table as a mermaid state diagram."""
    return mermaid(LEGAL, WorkerState.CREATING)
