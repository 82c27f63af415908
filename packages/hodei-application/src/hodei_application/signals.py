"""Wake-ups: what happened here, and who has to look."""

from __future__ import annotations

from attrs import define, field

from hodei_application.ports import Hint, IsAlone, always_alone
from hodei_application.scheduling.loop import Wake

WORK = "work"
"""Jobs were queued: other replicas' dispatchers should look."""

WISH = "wish"
"""A cancel or a drain was written for a worker whose stream another replica may hold."""

DEMAND = "demand"
"""There is work that no idle worker serves, or a provider changed: the leader should provision."""

CLEANUP = "cleanup"
"""Workers must be destroyed, or may be lost: the leader should reap."""


PROVIDERS = "providers"
"""What is known of providers changed: the leader should read it before it plans."""


@define(eq=False)
class Signals:
    """The wake-ups of this replica's loops, and hints to the others.

    The leader's loop does two things, so it is told which of them is wanted.
    """

    tell_others: Hint
    is_alone: IsAlone = always_alone
    work: Wake = field(factory=Wake, init=False)
    leader: Wake = field(factory=Wake, init=False)
    wish: Wake = field(factory=Wake, init=False)
    joined: Wake = field(factory=Wake, init=False)
    uneven: Wake = field(factory=Wake, init=False)
    doubt: Wake = field(factory=Wake, init=False)
    look_around: bool = field(default=False, init=False)
    wants_workers: bool = field(default=True, init=False)
    has_room: bool = field(default=False, init=False)
    wants_cleanup: bool = field(default=True, init=False)
    wants_settings: bool = field(default=True, init=False)

    def demand(self) -> None:
        """Work waits that no idle worker here serves."""
        self.wants_workers = True
        self.leader()

    def room(self) -> None:
        """A place for a worker became free, or providers changed: what was in vain may not be any more."""
        self.has_room = True
        self.demand()

    def watch(self) -> None:
        """Somebody began to watch or to follow a job here. With other replicas it may move there."""
        if not self.is_alone():
            self.joined()

    def cleanup(self) -> None:
        """Workers must be destroyed, or may be lost."""
        self.wants_cleanup = True
        self.leader()

    def hinted(self, kind: str) -> None:
        """Another replica said so; unknown kinds come from newer replicas and wake nobody."""
        if kind == WORK:
            self.look_around = True  # it did not say which classes
            self.work()
        elif kind == WISH:
            self.wish()
        elif kind == DEMAND:
            self.room()
        elif kind == CLEANUP:
            self.cleanup()
        elif kind == PROVIDERS:
            self.wants_settings = True
            self.room()
