"""Hints between replicas: LISTEN and NOTIFY, as little of it as possible.

A hint spares the others a wait for their next poll and may be lost. Committing a NOTIFY takes a lock that all
such commits share, so hints go out by themselves, never inside a transaction that does something else, at
most one in 20 ms, and only if there is somebody else to hear them.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import psycopg
from hodei_application.signals import CLEANUP, DEMAND, WISH, WORK
from hodei_domain.kernel.errors import StoreUnavailable

from hodei_infrastructure.postgres.connections import parameters

logger = logging.getLogger("hodei.postgres")

CHANNEL = "hodei"
EVERYTHING = (WORK, WISH, DEMAND, CLEANUP)
_APART_S = 0.02
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
_POLL_S = 2.0  # between two polls where nothing can be heard
_MISSED = 3  # pings that another replica may miss before it counts as gone

Send = Callable[[str], Awaitable[None]]
Heard = Callable[[str], None]


class Hints:
    """Tells other replicas, and hears them. Give `send` something that sends a NOTIFY on CHANNEL.

    Each replica pings the channel, itself included. So it knows who else is there, and notices when its own
    connection has gone deaf, which looks like silence otherwise. `deaf`: nothing can be heard at `url`,
    because something between hands sessions out; then it polls.
    """

    def __init__(
        self, url: str, send: Send, ping: timedelta = timedelta(seconds=20), *, deaf: bool = False
    ) -> None:
        self._url = url
        self._deaf = deaf
        self._send = send
        self._ping_s = ping.total_seconds()
        self._me = uuid4().hex
        self._others: dict[str, float] = {}
        self._pending: set[str] = set()
        self._sender: asyncio.Task[None] | None = None
        self._spoke_at: float | None = None
        self._round_trip_s: float | None = None

    def round_trip(self) -> list[tuple[tuple[str, ...], float]]:
        """Seconds that the last hint of ours took through the database back to us; none before the first."""
        return [] if self._round_trip_s is None else [((), self._round_trip_s)]

    def tell(self, kind: str) -> None:
        """Let the others know, soon. Does not block and raises nothing."""
        if not self._deaf and not self.is_alone():
            self._pending.add(kind)
            if self._sender is None:
                self._sender = asyncio.create_task(self._send_pending(), name="hints-send")

    @asynccontextmanager
    async def listening(self, heard: Heard) -> AsyncIterator[None]:
        """Call `heard` with the kind of each hint, while the context is open."""
        work = self._poll(heard) if self._deaf else self._listen(heard)
        listener = asyncio.create_task(work, name="hints-listen")
        try:
            yield
        finally:
            for task in (listener, self._sender):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    def is_alone(self) -> bool:
        """Whether no other replica was heard of lately; never, where none can be heard."""
        return not self._deaf and self.replicas() == 1

    def replicas(self) -> int:
        """How many were heard of lately, this one included."""
        oldest = time.monotonic() - _MISSED * self._ping_s
        return 1 + sum(seen > oldest for seen in self._others.values())

    async def _send_pending(self) -> None:
        while self._pending:
            kinds, self._pending = self._pending, set()
            await self._speak(",".join(sorted(kinds)))
            await asyncio.sleep(_APART_S)
        self._sender = None

    async def _speak(self, kinds: str = "") -> None:
        if self._spoke_at is None:
            self._spoke_at = time.monotonic()
        try:
            await self._send(f"{self._me} {kinds}")
        except StoreUnavailable:  # the others poll
            self._spoke_at = None

    async def _poll(self, heard: Heard) -> None:
        """As if somebody had said everything, again and again."""
        while True:
            for kind in EVERYTHING:
                heard(kind)
            await asyncio.sleep(_POLL_S * random.uniform(0.5, 1))  # noqa: S311  (spreads load)

    async def _listen(self, heard: Heard) -> None:
        pause, complained = _FIRST_PAUSE_S, False
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    **parameters(self._url), autocommit=True
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    for kind in EVERYTHING:  # whatever was said before we could hear
                        heard(kind)
                    if complained:
                        logger.info("hints of other replicas are heard again")
                    pause, complained = _FIRST_PAUSE_S, False
                    await self._hear(connection, heard)
            except psycopg.Error as error:
                if not complained:
                    logger.warning(
                        "hints of other replicas are not heard", extra={"reason": type(error).__name__}
                    )
                complained = True
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  (spreads load)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _hear(self, connection: psycopg.AsyncConnection, heard: Heard) -> None:
        """Return when a ping of ours does not come back."""
        echo = True
        while echo:
            echo = False
            await self._speak()
            async for notify in connection.notifies(timeout=self._ping_s):
                who, _, kinds = notify.payload.partition(" ")
                if who == self._me:
                    echo = True
                    self._measure()
                    continue
                await self._meet(who)
                for kind in filter(None, kinds.split(",")):
                    heard(kind)
        logger.warning("the connection for hints has gone deaf, listening anew")

    def _measure(self) -> None:
        if self._spoke_at is not None:
            self._round_trip_s = time.monotonic() - self._spoke_at
            self._spoke_at = None

    async def _meet(self, who: str) -> None:
        new = who not in self._others
        self._others[who] = time.monotonic()
        if new:  # it must know of us before its next ping
            await self._speak()
