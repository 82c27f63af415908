"""How many workers the servers of one database hold, as they tell each other."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2s
from math import ceil

from attrs import define, field

from hodei_application.workers.connected import ConnectedWorkers

PREFIX = "workers:"
"""Of the hint by which a server tells the others. Older ones pass it over, and are passed over."""

COUNTS_FOR = 30.0
"""Seconds that what a server said counts: whoever is silent for so long is frozen, or gone."""

SAID_APART = 5.0
"""Seconds between two words of one server, or each word would be answered by another one."""

WORTH = 0.1
"""A smaller share of our workers is not worth moving: with each that comes or goes it is another one."""


@define
class _Told:
    """What a server said last, and whether a worker was sent there in vain since."""

    workers: int
    at: float
    in_vain: bool = False


@define(eq=False)
class OtherServers:
    """The servers that take workers besides this one, `replica`."""

    replica: str
    monotonic: Callable[[], float]
    connected: ConnectedWorkers
    _told: dict[str, _Told] = field(factory=dict, init=False)
    _said_at: float = field(default=float("-inf"), init=False)

    @property
    def our_id(self) -> str:
        """By which workers and other servers know this one; says nothing of its machine."""
        return blake2s(self.replica.encode(), digest_size=8).hexdigest()

    def next_word(self) -> str | None:
        """The hint that tells of this server, when it is time for it: each tells the others now and then, and
        at once whoever is new.
        """
        now = self.monotonic()
        if now - self._said_at < SAID_APART:
            return None
        self._said_at = now
        return f"{PREFIX}{self.our_id}:{len(self.connected)}"

    def farewell(self) -> str:
        """The hint that this server takes no more workers."""
        return f"{PREFIX}{self.our_id}:"

    def hear(self, hint: str) -> bool:
        """Note another server's; whether it was such a hint."""
        if not hint.startswith(PREFIX):
            return False
        server_id, _, count = hint.removeprefix(PREFIX).partition(":")
        if not count:
            self._told.pop(server_id, None)
        elif server_id and count.isdecimal():
            if server_id not in self._told:
                self._said_at = float("-inf")
            self._told[server_id] = _Told(int(count), self.monotonic())
        return True

    def lightest(self) -> str | None:
        """The server that should have one of our workers; None where they are well shared out."""
        oldest = self.monotonic() - COUNTS_FOR
        self._told = {id: told for id, told in self._told.items() if told.at >= oldest}
        ours = len(self.connected)
        share = ceil((ours + sum(told.workers for told in self._told.values())) / (len(self._told) + 1))
        if ours - share < max(1, WORTH * ours):
            return None
        open_to_us = [(told.workers, -told.at, id) for id, told in self._told.items() if not told.in_vain]
        workers, _, server_id = min(open_to_us, default=(share, 0.0, ""))
        return server_id if workers < share else None

    def went(self, server_id: str, *, arrived: bool) -> None:
        """A worker was sent there. Where that was in vain none is until that server is heard again."""
        told = self._told.get(server_id)
        if told is not None:
            told.workers += arrived
            told.in_vain = not arrived
