"""Wake-ups: what happened here, and who has to look."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from hodei_application.ports import Hint
from hodei_application.scheduling.loop import Wake

WORK = "work"
"""Jobs were queued, or workers changed: other replicas' dispatchers should look."""

WISH = "wish"
"""A cancel or a drain was written for a worker whose stream another replica holds."""

DEMAND = "demand"
"""There is work that no idle worker serves: the leader should provision."""

CLEANUP = "cleanup"
"""Workers must be destroyed, or a worker was lost: the leader should reap."""


@define(eq=False)
class Signals:
    """The wake-ups of this replica's loops, and hints to the others."""

    tell_others: Hint
    work: Wake = field(factory=Wake, init=False)
    demand: Wake = field(factory=Wake, init=False)
    cleanup: Wake = field(factory=Wake, init=False)
    wish: Wake = field(factory=Wake, init=False)

    def hinted(self, kind: str) -> None:
        """Another replica said so; unknown kinds come from newer replicas and wake nobody."""
        wakes: dict[str, Callable[[], None]] = {
            WORK: self.work,
            WISH: self.wish,
            DEMAND: self.demand,
            CLEANUP: self.cleanup,
        }
        if kind in wakes:
            wakes[kind]()
