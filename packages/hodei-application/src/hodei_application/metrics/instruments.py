"""What this replica counts of itself, for whoever reads it now and then.

Counting is on the way of each job, reading is not: so these are plain numbers, and what makes a text of them
(Prometheus) reads them from outside. Numbers begin at zero with the process.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from attrs import define, field

Labels = tuple[str, ...]
"""The values of an instrument's labels, in their order."""

MOST = 200
"""Combinations of labels that an instrument keeps. What comes beyond them is counted as `other`."""

OTHER = "other"

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
LONG = (0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600, 14400, 86400)
MANY = (1, 2, 5, 10, 20, 50, 100, 200, 500)


@define(eq=False, kw_only=True)
class Instrument:
    """A name, what it tells, and by what it is told apart."""

    name: str
    help: str
    labels: Labels = ()


@define(eq=False, kw_only=True)
class Counter(Instrument):
    """A number that only rises."""

    values: dict[Labels, float] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        if not self.labels:
            self.values[()] = 0.0  # a rate needs to see the zero

    def add(self, amount: float = 1.0, *labels: str) -> None:
        """Count so many more."""
        values = self.values
        if labels not in values:
            labels = _room(values, labels)
            values.setdefault(labels, 0.0)
        values[labels] += amount


@define(eq=False)
class Spread:
    """How many were in each bucket, the last being above all bounds; and their sum."""

    counts: list[int]
    total: float = 0.0


@define(eq=False, kw_only=True)
class Histogram(Instrument):
    """Values by the bounds that they do not exceed."""

    bounds: Sequence[float] = QUICK
    values: dict[Labels, Spread] = field(factory=dict, init=False)

    def observe(self, value: float, *labels: str) -> None:
        """Count a value."""
        spread = self.values.get(labels)
        if spread is None:
            labels = _room(self.values, labels)
            spread = self.values.setdefault(labels, Spread([0] * (len(self.bounds) + 1)))
        spread.counts[bisect_left(self.bounds, value)] += 1
        spread.total += value


Reading = Callable[[], Iterable[tuple[Labels, float]]]


def nothing_read() -> Iterable[tuple[Labels, float]]:
    """For a gauge that nobody has connected yet."""
    return ()


@define(eq=False, kw_only=True)
class Gauge(Instrument):
    """A number as it is when somebody asks. `read` must be quick and must not wait."""

    read: Reading = nothing_read


def _room(values: dict[Labels, Spread] | dict[Labels, float], labels: Labels) -> Labels:
    return labels if len(values) < MOST else (OTHER,) * len(labels)
