"""How long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST = 0.25  # seconds
LONGEST = 3.0


class Backoff:
    """Full jitter: a random share of a limit that doubles with each failure.

    After a server comes back its agents spread over the whole limit, instead of coming in waves.
    """

    def __init__(
        self, first: float = FIRST, longest: float = LONGEST, jitter: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._longest = longest
        self._jitter = jitter
        self._failures = 0

    def reset(self) -> None:
        """All is well again."""
        self._failures = 0

    def next_seconds(self) -> float:
        """The wait after one more failure."""
        limit: float = min(self._longest, self._first * 2**self._failures)
        self._failures = min(self._failures + 1, 32)
        return limit * self._jitter()
