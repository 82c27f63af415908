"""A connection that outlives those who stop waiting for its answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.waiting import wait_async

RV = TypeVar("RV")

LOOK_EVERY_S = 0.1
ENDS_BY_ITSELF_S = 0.25
"""Most statements have ended by then; asking the server to end one takes a connection of its own."""

ENDS_AT_REQUEST_S = 5.0


class Connection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """Psycopg's, but for what it does when the task that waits for a statement is cancelled.

    Psycopg asks the server to end the statement and waits for that; a second cancel (a caller that hangs up
    and whose time is over, too) costs the connection. Here the task goes at once, and the statement is
    brought to its end behind it: settle() before the connection is used again.
    """

    _unheard: asyncio.Task[None] | None = None

    async def wait(self, gen: PQGen[RV], interval: float = LOOK_EVERY_S, timeout: float | None = None) -> RV:
        """See AsyncConnection."""
        try:
            return await wait_async(gen, self.pgconn.socket, interval=interval, timeout=timeout)
        except asyncio.CancelledError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self._unheard = asyncio.create_task(self._bring_to_end(gen), name="unheard statement")
            raise

    async def settle(self) -> None:
        """Return when no statement is under way any more; one that did not end has closed the connection."""
        unheard, self._unheard = self._unheard, None
        if unheard is not None:
            await unheard

    @property
    def in_transaction(self) -> bool:
        """Whether there is anything to undo."""
        return self.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    async def _bring_to_end(self, gen: PQGen[Any]) -> None:
        with suppress(psycopg.Error):  # what the statement says is of no interest to anybody
            if await self._ends_within(gen, ENDS_BY_ITSELF_S):
                return
            await self.cancel_safe(timeout=ENDS_AT_REQUEST_S)
            await self._ends_within(gen, ENDS_AT_REQUEST_S)
        if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            self.pgconn.finish()

    async def _ends_within(self, gen: PQGen[Any], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await wait_async(gen, self.pgconn.socket, interval=LOOK_EVERY_S)
        except TimeoutError:
            return False
        return True
