"""One publisher, many subscribers, and none of them can hold it up.

Each subscriber has a bounded room. Who does not keep up loses what waited and is told that it missed
something; what it missed is in the store. So publishing never waits and memory is bounded by the number of
subscribers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Generic, TypeVar

from attrs import define, field

from hodei_application.scheduling.loop import Wake

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def nobody_waits() -> None:
    """For subscriptions that are nobody's business."""


@define(eq=False)
class Subscriber(Generic[T]):
    """What waits for one subscriber."""

    _room: int
    _items: deque[T] = field(factory=deque, init=False)
    _weight: int = field(default=0, init=False)
    _missed: bool = field(default=False, init=False)
    _wake: Wake = field(factory=Wake, init=False)

    def offer(self, item: T, weight: int) -> None:
        """Add an item, or drop all that waits when it does not fit."""
        if not self._missed:
            self._items.append(item)
            self._weight += weight
            if self._weight > self._room:
                self._items.clear()
                self._missed = True
        self._wake()

    def take(self) -> tuple[list[T], bool]:
        """What waits, in order, and whether something was dropped since the last time."""
        items, missed = list(self._items), self._missed
        self._items.clear()
        self._weight, self._missed = 0, False
        return items, missed

    async def wait(self, longest: timedelta | None = None) -> bool:
        """Until something was offered (True) or the time is over (False)."""
        return await self._wake.wait(longest)


@define(eq=False)
class FanOut(Generic[K, T]):
    """Passes items on to the subscribers of their key. `room` is in the unit of the weights, `joined` is
    called when somebody subscribes.
    """

    room: int
    joined: Callable[[], None] = nobody_waits
    _subscribers: dict[K, list[Subscriber[T]]] = field(factory=dict, init=False)

    def publish(self, key: K, item: T, weight: int = 1) -> None:
        """Offer an item to all that subscribed to the key."""
        for subscriber in self._subscribers.get(key, ()):
            subscriber.offer(item, weight)

    @contextmanager
    def subscribe(self, key: K) -> Iterator[Subscriber[T]]:
        """Hear of everything published under the key from now on, until the block is left."""
        subscriber = Subscriber[T](self.room)
        self._subscribers.setdefault(key, []).append(subscriber)
        self.joined()
        try:
            yield subscriber
        finally:
            remaining = self._subscribers[key]
            remaining.remove(subscriber)
            if not remaining:
                del self._subscribers[key]

    def keys(self) -> list[K]:
        """What somebody listens to."""
        return list(self._subscribers)
