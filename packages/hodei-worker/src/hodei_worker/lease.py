"""How long an attempt is certainly ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# Of the lease: the job is dead before the server may give it away, although our clock may be slow, the kill
# takes a moment, and the lease of a new attempt began when the server decided and not when we heard.
RESERVE = 0.05
YOUNG = 0.75
"""So much of a lease is left at least while heartbeats are answered: they are a ninth of it apart."""


class Lease:
    """Calls `on_end` when it runs out while it is watched. By the monotonic clock of this machine alone.

    The server says how long the lease will last, in answer to something that we sent: counted from when we
    sent it, it ends here before it ends there, however long the answer took.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._ends_at: float | None = None
        self._full = 0.0  # the longest that was granted, in seconds
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_old(self) -> bool:
        """True when it is from before some heartbeats that brought no new one."""
        left = 0.0 if self._ends_at is None else self._ends_at - asyncio.get_running_loop().time()
        return left < YOUNG * self._full

    @property
    def over(self) -> bool:
        """True when others may have what was ours. Before the first grant there is nothing to lose."""
        return self._ends_at is not None and asyncio.get_running_loop().time() >= self._ends_at

    def grant(self, since: float, seconds: float) -> None:
        """The server answers what we sent at `since` (of the loop's clock): so long from then, at least."""
        ends_at = since + seconds * (1 - RESERVE)
        self._full = max(self._full, seconds)
        self._ends_at = ends_at if self._ends_at is None else max(self._ends_at, ends_at)

    def watch(self) -> None:
        """Something is ours now."""
        self.unwatch()
        if self._ends_at is not None:
            self._timer = asyncio.get_running_loop().call_at(self._ends_at, self._look)

    def unwatch(self) -> None:
        """Nothing is ours any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if self.over:
            self._timer = None
            self._on_end()
        else:  # it was renewed meanwhile
            self.watch()
