"""Gauges of the whole database: read when somebody asks, and not more often than every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from attrs import define, field
from hodei_domain.jobs.views import WaitingClass
from hodei_domain.kernel.errors import StoreUnavailable

from hodei_application.metrics.instruments import OTHER, Labels
from hodei_application.metrics.replica import Instruments
from hodei_application.ports import Clock, UnitOfWork

FRESH_FOR = timedelta(seconds=5)
WITHIN = timedelta(seconds=2)
"""So long a reading may take; what is slower than that is left out this time."""

MOST_CLASSES = 20
"""Classes that are told apart, those first whose jobs wait longest: whoever queues jobs may make new ones."""

COUNTED = 1000
LONGEST_NAME = 120

Told = Sequence[tuple[Labels, float]]


@define(eq=False, kw_only=True)
class DatabaseGauges:
    """Fills the gauges of jobs and queue. refresh() is for whoever is about to read the instruments."""

    begin: UnitOfWork
    now: Clock
    monotonic: Callable[[], float]
    _read_at: float = field(default=float("-inf"), init=False)
    _jobs: Told = field(default=(), init=False)
    _depths: Told = field(default=(), init=False)
    _ages: Told = field(default=(), init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    def connect(self, instruments: Instruments) -> None:
        """Be what these gauges read."""
        instruments.jobs.read = lambda: self._jobs
        instruments.queue_jobs.read = lambda: self._depths
        instruments.queue_oldest_seconds.read = lambda: self._ages

    async def refresh(self) -> None:
        """Read, unless what is known is fresh. Where the database does not answer nothing is known."""
        async with self._turn:
            if self.monotonic() - self._read_at < FRESH_FOR.total_seconds():
                return
            try:
                async with asyncio.timeout(WITHIN.total_seconds()):
                    await self._read()
            except (StoreUnavailable, TimeoutError):
                self._jobs = self._depths = self._ages = ()
            self._read_at = self.monotonic()

    async def _read(self) -> None:
        async with self.begin() as tx:
            counts = await tx.job_views.live_counts()
            waiting = await tx.queue.waiting(COUNTED)
        self._jobs = [((state.value,), float(count)) for state, count in counts.items()]
        self._depths, self._ages = _told(waiting, self.now())


def _told(waiting: Sequence[WaitingClass], now: datetime) -> tuple[Told, Told]:
    depths: dict[Labels, float] = {}
    ages: dict[Labels, float] = {}
    for label, entry in _labelled(waiting):
        depths[label] = depths.get(label, 0.0) + entry.count
        ages[label] = max(ages.get(label, 0.0), (now - entry.oldest).total_seconds())
    return list(depths.items()), list(ages.items())


def _labelled(waiting: Sequence[WaitingClass]) -> Iterable[tuple[Labels, WaitingClass]]:
    for number, entry in enumerate(waiting):
        yield (str(entry.demand)[:LONGEST_NAME] if number < MOST_CLASSES else OTHER,), entry
