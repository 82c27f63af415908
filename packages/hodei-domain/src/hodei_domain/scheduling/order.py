"""Fairness between owners: start-time fair queueing.

A job gets a turn when it is queued, and claims go by turn.
"""

from collections.abc import Mapping

from attrs import define, field

from hodei_domain.jobs.spec import Priority


def next_turn(last: int | None, reached: int) -> int:
    """One more than the owner's last turn, but never less than the turn that the queue has reached."""
    return reached if last is None else max(last + 1, reached)


@define
class FairOrder:
    """The turns that were given, for each owner and priority, and those that were reached.

    Holds memory only for owners that are ahead of the queue. Not shared between threads.
    """

    _last: dict[tuple[str, Priority], int] = field(factory=dict)
    _reached: dict[Priority, int] = field(factory=dict)

    def give(self, owner: str, priority: Priority) -> int:
        """The turn of the owner's next job."""
        turn = next_turn(self._last.get((owner, priority)), self._reached.get(priority, 0))
        self._last[owner, priority] = turn
        return turn

    def reach(self, priority: Priority, turn: int) -> None:
        """A job with this turn was claimed, or is the lowest that waits. The queue never goes back."""
        if turn > self._reached.get(priority, 0):
            self._reached[priority] = turn

    def learn(self, last: Mapping[tuple[str, Priority], int], lowest: Mapping[Priority, int]) -> None:
        """Take over what a store knows: the owners' last turns and the lowest that waits in each priority."""
        for priority, turn in lowest.items():
            self.reach(priority, turn)
        for owner, turn in last.items():
            self._last[owner] = max(turn, self._last.get(owner, turn))

    def forget(self) -> None:
        """Drop owners that the queue has overtaken: they are treated like new ones anyway."""
        self._last = {
            (owner, priority): turn
            for (owner, priority), turn in self._last.items()
            if turn >= self._reached.get(priority, 0)
        }

    def __len__(self) -> int:
        return len(self._last)
