"""Share out the workers among the servers of one database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from attrs import define
from hodei_domain.workers.worker import WorkerState

from hodei_application.ports import Hint
from hodei_application.workers.commands import MoveWorker
from hodei_application.workers.connected import ConnectedWorkers, Connection
from hodei_application.workers.link import LinkClosed
from hodei_application.workers.other_servers import OtherServers

TOLD_EVERY = timedelta(seconds=10)
APART = timedelta(milliseconds=250)
"""Between two workers that go."""

GOES_WITHIN = 15.0
"""Seconds for a worker to find the other server and to be gone."""

STAYS = 600.0
"""Seconds before a worker is asked again that knows no way to the other server, or not how to go."""


@define(eq=False, kw_only=True)
class SpreadWorkers:
    """Tell the others how many workers are here, and ask an idle one to go to the server that has fewest, one
    at a time.

    So a server that joins late, or comes back, gets its share, and what one server holds when it freezes is
    never all there is. A worker goes by itself: only when the other server has let it in, and only while it
    has nothing to do. One that does not go is asked again after STAYS at the earliest.
    """

    monotonic: Callable[[], float]
    connected: ConnectedWorkers
    others: OtherServers
    tell_others: Hint

    async def __call__(self) -> timedelta | None:
        word = self.others.next_word()
        if word is not None:
            self.tell_others(word)
        server_id = self.others.lightest()
        chosen = None if server_id is None else self._idle_one()
        if server_id is None or chosen is None:
            return None
        await self._move(chosen, server_id)
        return APART

    def _idle_one(self) -> Connection | None:
        """Of the kind of which most are idle here, the one that is idle for the shortest time: the next job
        is for another one.
        """
        kinds = (kind for kind, _ in self.connected.idle_kinds())
        by_kind = [[c for c in self.connected.idle(kind) if self._may_go(c)] for kind in kinds]
        most = max(by_kind, key=len, default=[])
        return most[-1] if most else None

    def _may_go(self, connection: Connection) -> bool:
        return not connection.link.is_legacy and connection.stays_until <= self.monotonic()

    async def _move(self, connection: Connection, server_id: str) -> None:
        try:
            connection.link.send(MoveWorker(server_id))
            async with asyncio.timeout(GOES_WITHIN):
                await connection.ended.wait()
        except LinkClosed:
            return
        except TimeoutError:
            if connection.worker.state is WorkerState.READY:  # else it was given a job meanwhile
                connection.stays_until = self.monotonic() + STAYS
                self.others.went(server_id, arrived=False)
            return
        self.others.went(server_id, arrived=not self.connected.is_here(connection.worker.id))
