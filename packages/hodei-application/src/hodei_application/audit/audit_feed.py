"""The audit trail as it grows, for any number of listeners: it is read once for all of them.

Times and ids of records are taken before their commit, and replicas have clocks of their own: they do not say
what a reader has seen already. So everybody goes on from mark to mark of the store (see AuditTrail.news).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import UUID

from attrs import define, evolve, field, frozen
from hodei_domain.audit.record import AuditRecord

from hodei_application.fan_out import FanOut, Subscriber
from hodei_application.ports import Clock, UnitOfWork
from hodei_application.scheduling.loop import Wake

ALL = "all events"
ROOM = 4096
"""Records that wait for one listener; who does not keep up is told that it missed some."""

POLL = timedelta(milliseconds=200)
SHARE, SLOWEST = 10, timedelta(seconds=2)
"""A look that took long is followed by a pause so many times as long: those who watch a storm of events must
not make it worse.
"""
LONGEST = 4096
"""Characters of a position: a mark names the transactions that were open, a few hundred at most."""


@frozen
class Position:
    """How far a listener has heard: all up to the mark `since`, and what one look found from there to the
    mark `until` up to the record `id`. Its text is for the listener to bring back.
    """

    since: str
    until: str = ""
    id: UUID | None = None

    def __str__(self) -> str:
        return self.since if self.id is None else f"{self.since}/{self.until}/{self.id}"

    @classmethod
    def read(cls, text: str) -> Position | None:
        """Back from its text; None for what is none."""
        if len(text) > LONGEST:
            return None
        match text.split("/"):
            case [since]:
                return cls(since)
            case [since, until, id]:
                try:
                    return cls(since, until, UUID(id))
                except ValueError:
                    return None
        return None


@frozen
class Told:
    """A record, and how far a listener has heard with it."""

    record: AuditRecord
    position: Position


@frozen
class Begun:
    """All after this position is told. `missed`: records before it are not; look at everything anew."""

    position: Position
    missed: bool = False


@define(eq=False)
class AuditFeed:
    """Reads what was written since the last look, while somebody listens, and fans it out."""

    begin: UnitOfWork
    now: Clock
    joined: Wake = field(factory=Wake, init=False)
    mark: str | None = field(default=None, init=False)
    """What was committed up to here is told, or was before the first listener came."""
    _hub: FanOut[str, Told | Begun] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._hub = FanOut(ROOM, self.joined)

    def subscribe(self) -> AbstractContextManager[Subscriber[Told | Begun]]:
        """Hear of every record that is committed after start()."""
        return self._hub.subscribe(ALL)

    async def start(self) -> str:
        """Take note of what is there, unless that is done; the mark after which everything is told."""
        if self.mark is None:
            async with self.begin() as tx:
                first = await tx.audit.news(None, 0)
            self.mark = self.mark or first.mark
        return self.mark

    async def step(self) -> timedelta | None:
        """One look; when the next one is due, None while nobody listens."""
        if not self._hub.keys():
            self.mark = None
            return None
        began = self.now()
        since = await self.start()
        async with self.begin() as tx:
            news = await tx.audit.news(since, ROOM)
        self.mark = news.mark
        if news.missed:
            self._hub.publish(ALL, Begun(Position(news.mark), missed=True))
        for record in news.records:
            self._hub.publish(ALL, Told(record, Position(since, news.mark, record.id)))
        return max(POLL, min(SHARE * (self.now() - began), SLOWEST))


RESUMED = 1000
"""Records that are told to a listener who comes back."""


@frozen
class FollowAudit:
    """Records as they are committed, from the position of an earlier listener on, or from now on.

    Begun comes first, and again wherever records are missing: too many lie between, the position is not of
    this database, or the listener is too slow. Nothing is passed over otherwise. Who loses the connection
    twice within one look may be told a record again.
    """

    begin: UnitOfWork
    feed: AuditFeed

    async def __call__(self, last: str | None = None) -> AsyncIterator[Told | Begun]:
        with self.feed.subscribe() as subscriber:
            mark = await self.feed.start()
            between: list[Told | Begun] = [Begun(Position(mark))]
            known: frozenset[UUID] = frozenset()
            if last:
                between, known = await self._between(last, mark)
            for item in between:
                yield item
            while True:
                await subscriber.wait()
                items, missed = subscriber.take()
                if missed:  # nothing waits then, and the feed goes on from its mark
                    yield Begun(Position(await self.feed.start()), missed=True)
                for item in items:
                    if isinstance(item, Begun) or item.record.id not in known:
                        yield item

    async def _between(self, last: str, mark: str) -> tuple[list[Told | Begun], frozenset[UUID]]:
        """What lies between a position and now, and the ids of what the feed will bring and is known then."""
        position = Position.read(last)
        missed: list[Told | Begun] = [Begun(Position(mark), missed=True)]
        if position is None:
            return missed, frozenset()
        async with self.begin() as tx:
            coming = await tx.audit.news(mark, RESUMED)
            found = await tx.audit.news(position.since, RESUMED)
            after = found if position.id is None else await tx.audit.news(position.until, RESUMED)
        if coming.missed or found.missed or after.missed:
            return missed, frozenset()
        later = {record.id for record in after.records}
        look = [record for record in found.records if record.id not in later]  # of it a part was told
        since = position.until or position.since
        rest = [Told(record, evolve(position, id=record.id)) for record in _after(look, position.id)]
        rest += [Told(r, Position(since, found.mark, r.id)) for r in found.records if r.id in later]
        known = frozenset(record.id for record in (*coming.records, *found.records))
        return [Begun(position), *rest], known


def _after(records: list[AuditRecord], id: UUID | None) -> list[AuditRecord]:
    ids = [record.id for record in records]
    return records[ids.index(id) + 1 :] if id in ids else records
