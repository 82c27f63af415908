"""One transaction on one connection: the only place that sends statements."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, LiteralString

import psycopg

from hodei_infrastructure.postgres.connection import Connection
from hodei_infrastructure.postgres.connections import Terms
from hodei_infrastructure.postgres.errors import translated

logger = logging.getLogger("hodei.postgres")

ANSWERS_WITHIN_S = 20.0
"""A server that lives says by then at least that the statement takes too long. The kernel notices a peer that
is gone, but not a frozen one, nor a proxy or a firewall between that has forgotten the connection.
"""

SHARE_OF_LEASE = 20 / 45
"""It is at most so much of workers' leases, which end without renewal: that is such a statement, too."""

LEAST_ANSWERS_WITHIN_S = 2.0


def answers_within(lease: timedelta) -> float:
    """Seconds after which a statement that is not answered is given up, where leases are so long."""
    return max(LEAST_ANSWERS_WITHIN_S, min(ANSWERS_WITHIN_S, lease.total_seconds() * SHARE_OF_LEASE))


Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]


class Session:
    """Sends statements in a transaction that begins with the first of them.

    There is no pipelining: on the local socket a round trip takes 25 µs and a pipelined statement 35. What
    belongs together is one statement instead.
    """

    def __init__(self, connection: Connection, terms: Terms | None = None) -> None:
        self._connection = connection
        self._terms = terms or Terms(ANSWERS_WITHIN_S)
        self._answers_within_s = self._terms.answers_within_s
        self.stale = False
        """Whether the server did not even answer with an error, or takes no writes, as one that is not the
        primary any more: then no older connection can be trusted.
        """
        self._begun = False
        self._over = False
        self._refused = False  # a store refused a write: reading goes on, committing does not
        self._afterwards: list[Callable[[], None]] = []
        self._broken = False  # a statement failed: Postgres takes no more

    async def rows(self, query: LiteralString, parameters: Parameters = ()) -> list[Row]:
        """All rows of the answer."""
        await self._begin()
        with self._breaking():
            cursor = await self._connection.execute(
                query, parameters, prepare=self._terms.prepares, binary=True
            )
            return await cursor.fetchall()

    async def row(self, query: LiteralString, parameters: Parameters = ()) -> Row | None:
        """The first row of the answer, None if it has none."""
        found = await self.rows(query, parameters)
        return found[0] if found else None

    async def value(self, query: LiteralString, parameters: Parameters = ()) -> Any:
        """The first value of the first row; None if there is no row."""
        found = await self.rows(query, parameters)
        return found[0][0] if found else None

    async def run(self, query: LiteralString, parameters: Parameters = ()) -> int:
        """Execute a statement without an answer; how many rows it touched."""
        await self._begin()
        with self._breaking():
            cursor = await self._connection.execute(query, parameters, prepare=self._terms.prepares)
            return cursor.rowcount

    async def run_many(self, query: LiteralString, parameters: Sequence[Parameters]) -> int:
        """Execute a statement once for each of the parameters; how many rows all touched."""
        await self._begin()
        with self._breaking():
            async with self._connection.cursor() as cursor:
                await cursor.executemany(query, parameters)
                return cursor.rowcount

    def after_commit(self, act: Callable[[], None]) -> None:
        """Call `act` once this transaction is committed, and never if it is not."""
        self._afterwards.append(act)

    def refuse(self, error: Exception) -> Exception:
        """Forbid the commit because of an error, which the caller raises."""
        self._refused = True
        return error

    async def commit(self) -> None:
        """Make it visible. Raise RuntimeError after a refused write, StoreUnavailable if it broke off."""
        if self._refused or self._broken:
            raise RuntimeError("a write of this transaction was refused; let the exception leave it")
        self._over = True
        if self._begun:
            with self._breaking():
                await self._connection.execute("COMMIT", prepare=False)
        for act in self._afterwards:
            act()

    async def roll_back(self) -> None:
        """Undo everything. A connection that cannot even do that is closed, which undoes it too."""
        self._over = True
        await self._connection.settle()
        if self._begun and self._connection.in_transaction:
            try:
                with self._answered():
                    await self._connection.execute("ROLLBACK", prepare=False)
            except Exception:
                await self._connection.close()

    async def _begin(self) -> None:
        if self._over:
            raise RuntimeError("the transaction is over")
        if self._broken:
            raise RuntimeError("a statement of this transaction failed; let the exception leave it")
        if not self._begun:
            self._begun = True
            with self._breaking():
                await self._connection.execute(self._terms.begins, prepare=False)

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        try:
            with translated(), self._answered(), self._writing():
                yield
        except BaseException:
            self._broken = True
            raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.ReadOnlySqlTransaction:
            self.stale = True
            raise

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Break the connection off under a statement that is not answered: to the driver it is lost then.

        Cancelling instead would have the driver wait for the server's word on that.
        """
        timer = asyncio.get_running_loop().call_later(self._answers_within_s, self._break_off)
        try:
            yield
        finally:
            timer.cancel()

    def _break_off(self) -> None:
        self.stale = True
        logger.warning("the database has not answered for %g s", self._answers_within_s)
        with suppress(Exception), socket.socket(fileno=os.dup(self._connection.fileno())) as end:
            end.shutdown(socket.SHUT_RDWR)
