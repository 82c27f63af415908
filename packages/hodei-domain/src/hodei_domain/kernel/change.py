"""A move's outcome: the new state and the events that tell of it, never one without the other."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from attrs import frozen

from hodei_domain.kernel.events import Event


class Versioned(Protocol):
    """Counts its moves, so that a store can refuse a lost update."""

    @property
    def version(self) -> int:
        """1 after it came into being, one more after each move."""


A = TypeVar("A", bound=Versioned)


@frozen
class Change(Generic[A]):
    """State after one or more moves, the events of these, and the version they started from.

    A store writes it only over version `base` (0: there must be nothing yet). `base == after.version` means
    that nothing moved and nothing is written.
    """

    after: A
    events: tuple[Event, ...]
    base: int

    @property
    def is_new(self) -> bool:
        """Whether the aggregate came into being with this change."""
        return self.base == 0

    @property
    def is_same(self) -> bool:
        """Whether there is nothing to write."""
        return self.base == self.after.version

    def then(self, move: "Callable[[A], Change[A]]") -> "Change[A]":
        """Make a further move on top; both are saved as one."""
        further = move(self.after)
        return Change(further.after, self.events + further.events, self.base)


def same(aggregate: A) -> Change[A]:
    """No move: what was asked for is so already."""
    return Change(aggregate, (), aggregate.version)
