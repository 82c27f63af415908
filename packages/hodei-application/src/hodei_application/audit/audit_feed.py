"""The audit trail as it grows, for any number of listeners: it is read once for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from uuid import UUID

from attrs import define, field, frozen
from hodei_domain.audit.record import AuditRecord
from hodei_domain.kernel.cursors import Place

from hodei_application.fan_out import FanOut, Subscriber
from hodei_application.ports import Clock, UnitOfWork
from hodei_application.scheduling.loop import Wake

ALL = "all events"
ROOM = 4096
"""Records that wait for one listener; who does not keep up reads the trail from where it was."""

POLL = timedelta(milliseconds=200)
SHARE, SLOWEST = 10, timedelta(seconds=2)
"""A look that took long is followed by a pause so many times as long: those who watch a storm of events must
not make it worse.
"""
OVERLAP = timedelta(seconds=2)
"""A record is written a little after it occurred: so far back each look goes once more."""

LATE, LATE_EVERY = timedelta(seconds=30), timedelta(seconds=5)
"""And so far back now and then, for clocks of other replicas that are behind and commits that had to wait."""

MOST = 5000
"""Records of one look."""

LOWEST = UUID(int=0)


@define(eq=False)
class AuditFeed:
    """Reads what was written since the last look, while somebody listens, and fans it out."""

    begin: UnitOfWork
    now: Clock
    joined: Wake = field(factory=Wake, init=False)
    _hub: FanOut[str, AuditRecord] = field(init=False)
    _seen: dict[UUID, datetime] = field(factory=dict, init=False)
    _from: datetime | None = field(default=None, init=False)
    _looked_back: datetime | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._hub = FanOut(ROOM, self.joined)

    def subscribe(self) -> AbstractContextManager[Subscriber[AuditRecord]]:
        """Hear of every record that is written from now on."""
        return self._hub.subscribe(ALL)

    async def step(self) -> timedelta | None:
        """One look; when the next one is due, None while nobody listens."""
        if not self._hub.keys():
            self._seen.clear()
            self._from = self._looked_back = None
            return None
        now = self.now()
        if self._from is None:  # what was written before the first listener came is no news
            self._from, self._looked_back = now, now
            self._seen = {record.id: record.occurred_at for record in await self._read(now - LATE)}
            return POLL
        back = OVERLAP
        if self._looked_back is None or now - self._looked_back >= LATE_EVERY:
            back, self._looked_back = LATE, now
        for record in await self._read(min(self._from, now) - back):
            if record.id not in self._seen:
                self._seen[record.id] = record.occurred_at
                self._from = max(self._from, record.occurred_at)
                self._hub.publish(ALL, record)
        self._forget(now - 2 * LATE)
        return max(POLL, min(SHARE * (self.now() - now), SLOWEST))

    async def _read(self, start: datetime) -> list[AuditRecord]:
        found: list[AuditRecord] = []
        place: Place = (start, LOWEST)
        async with self.begin() as tx:
            while page := await tx.audit.after(place, MOST):
                found += page
                if len(page) < MOST:
                    break
                place = (page[-1].occurred_at, page[-1].id)
        return found

    def _forget(self, before: datetime) -> None:
        if len(self._seen) > MOST:
            self._seen = {id: at for id, at in self._seen.items() if at >= before}


@frozen
class Missed:
    """Records are missing here, too many to tell: look at everything anew."""


RESUMED = 1000
"""Records that are told again to a listener who comes back."""


@frozen
class FollowAudit:
    """Records as they are written, from a place on, or from now on. Where too many lie between, or a listener
    is too slow, Missed comes in their place.
    """

    begin: UnitOfWork
    feed: AuditFeed

    async def __call__(self, place: Place | None = None) -> AsyncIterator[AuditRecord | Missed]:
        with self.feed.subscribe() as subscriber:
            told: set[UUID] = set()
            if place is not None:
                async with self.begin() as tx:
                    between = await tx.audit.after(place, RESUMED + 1)
                if len(between) > RESUMED:
                    yield Missed()
                else:
                    told = {record.id for record in between}
                    for record in between:
                        yield record
            while True:
                await subscriber.wait()
                records, missed = subscriber.take()
                if missed:
                    yield Missed()
                for record in records:
                    if record.id not in told:
                        yield record
