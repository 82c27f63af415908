"""The servers of one control plane: any of them will do."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

# A name may stand for several servers, and so may a load balancer: each connection may lead to another one.
TRIES_OF_ONE_ADDRESS = 3


class Servers:
    """Addresses to try in turn, beginning anywhere, so that the agents of one list spread over all of it."""

    def __init__(self, listed: str, choose: Callable[[int], int] = random.randrange) -> None:
        """`listed` is host:port, or several of them with commas between."""
        self._addresses = listed.split(",")
        self._at = choose(len(self._addresses)) if len(self._addresses) > 1 else 0

    @property
    def current(self) -> str:
        """host:port of the one to talk to now."""
        return self._addresses[self._at]

    def turn(self) -> None:
        """That one is gone, or leaving: the next one is the current one from now on."""
        self._at = (self._at + 1) % len(self._addresses)

    def elsewhere(self) -> Sequence[str]:
        """Addresses that may lead to another server than the current one, the next one first."""
        others = self._addresses[self._at + 1 :] + self._addresses[: self._at]
        return others or [self.current] * TRIES_OF_ONE_ADDRESS

    def go_to(self, address: str) -> None:
        """That one of the list is the current one from now on."""
        self._at = self._addresses.index(address)
