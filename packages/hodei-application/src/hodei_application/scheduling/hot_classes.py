"""Demand classes that probably have waiting jobs."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from attrs import define, field
from hodei_domain.kernel.demand import DemandClass


@define(eq=False)
class HotClasses:
    """What this replica believes to wait. Told by submissions, corrected by claims that come back short and
    by polls.

    `generation` tells a class that was told of before a look at the queue from one told of since: what a
    look did not see may have been queued after it.
    """

    generation: int = field(default=0, init=False)
    _hot: dict[str, tuple[DemandClass, int]] = field(factory=dict, init=False)
    _later: list[tuple[datetime, int, DemandClass]] = field(factory=list, init=False)

    def __bool__(self) -> bool:
        return bool(self._hot)

    def __iter__(self) -> Iterator[DemandClass]:
        return iter([demand for demand, _ in self._hot.values()])

    def learn(self, demand: DemandClass) -> None:
        """A job of this class was queued."""
        self.generation += 1
        self._hot[demand.key] = (demand, self.generation)

    def learn_later(self, demand: DemandClass, due: datetime) -> None:
        """A job of this class is queued and may be claimed from `due` on."""
        self.generation += 1
        heapq.heappush(self._later, (due, self.generation, demand))

    def ripen(self, now: datetime) -> timedelta | None:
        """Take in the classes that have become due; how long until the next one."""
        while self._later and self._later[0][0] <= now:
            self.learn(heapq.heappop(self._later)[2])
        return self._later[0][0] - now if self._later else None

    def exhausted(self, keys: Iterable[str], generation: int) -> None:
        """A claim that began at `generation` found no more jobs of these classes."""
        for key in keys:
            if key in self._hot and self._hot[key][1] <= generation:
                del self._hot[key]

    def replace(self, waiting: Iterable[DemandClass], generation: int) -> None:
        """A look at the whole queue that began at `generation` found these."""
        newer = {key: entry for key, entry in self._hot.items() if entry[1] > generation}
        self._hot = {demand.key: (demand, generation) for demand in waiting} | newer
