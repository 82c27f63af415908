"""Where the output ends of attempts that this process stored itself."""

from __future__ import annotations

from attrs import define, field
from hodei_domain.kernel.ids import JobId

Key = tuple[JobId, int]


@define(eq=False)
class KnownEnds:
    """A lower bound of what is stored, so that most ends of jobs need no question to the store.

    What is stored of an attempt only grows, so a number that was true stays true. The oldest are forgotten
    beyond `room`.
    """

    room: int = 10_000
    _ends: dict[Key, int] = field(factory=dict, init=False)

    def get(self, key: Key) -> int:
        """All entries before this one are stored; 0 where nothing is known."""
        return self._ends.get(key, 0)

    def learn(self, key: Key, next_sequence: int) -> None:
        """The store said so, in a transaction that was committed."""
        self._ends.pop(key, None)
        self._ends[key] = next_sequence
        if len(self._ends) > self.room:
            del self._ends[next(iter(self._ends))]
