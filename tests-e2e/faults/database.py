"""A Postgres of the test's own that can be killed, frozen, stopped and started behind one address."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

import psycopg
from hodei_infrastructure.embedded.cluster import ENVIRONMENT
from hodei_infrastructure.embedded.server import EmbeddedPostgres

from faults.clock import WallClock
from faults.processes import children, send
from faults.proxy import Proxy, unix_proxy

SOCKET = ".s.PGSQL.5432"


class Database:
    """Clients find it at `url`, which leads through `proxy`; the test itself looks past it, at `direct`.

    It writes as it does for users: what it acknowledged outlives its own death.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._server = EmbeddedPostgres(place / "files")
        self.url = f"postgresql://hodei@/hodei?host={place}&port=5432"
        self.proxy: Proxy
        self.clock: WallClock

    @property
    def direct(self) -> str:
        """The URL without the proxy, while it runs."""
        return self._server.url

    def url_of(self, name: str) -> str:
        """Another database of the same server, through the proxy."""
        return self.url.replace("/hodei?", f"/{name}?")

    async def copy(self, name: str, of: str = "template0") -> None:
        """Make a database, as a copy of one to which nobody is connected."""
        there = self.direct.replace("/hodei?", "/postgres?")
        async with await psycopg.AsyncConnection.connect(there, autocommit=True) as connection:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {of}".encode())

    def socket(self) -> Path:
        """Where it listens now; a place where nobody does while it is stopped."""
        if self._server.pid is None:
            return self._place / "nobody"
        return Path(self._server.url.split("host=")[1].split("&")[0]) / SOCKET

    async def start(self) -> None:
        """Be reachable; does nothing if it runs."""
        if self._server.pid is None:
            self._server = EmbeddedPostgres(self._place / "files")
            await asyncio.to_thread(self._server.start)

    async def stop(self) -> None:
        """Be gone, together with all connections."""
        await asyncio.to_thread(self._server.stop)

    def kill(self) -> None:
        """kill -9 of the server and all its backends; it is started again at once, as embedded ones are."""
        if self._server.pid is not None:
            send(signal.SIGKILL, self._server.pid, *children(self._server.pid))

    def freeze(self) -> list[int]:
        """SIGSTOP to all of it; the processes, for thaw()."""
        if self._server.pid is None:
            return []
        frozen = [self._server.pid, *children(self._server.pid)]
        send(signal.SIGSTOP, *frozen)
        return frozen

    def thaw(self, frozen: list[int]) -> None:
        """SIGCONT."""
        send(signal.SIGCONT, *frozen)

    async def lock(self, table: str, mode: str, seconds: float) -> None:
        """Hold a lock on a table for so long."""
        async with await psycopg.AsyncConnection.connect(self.direct) as connection:
            await connection.execute("SET lock_timeout = '20s'")
            await connection.execute(f"LOCK TABLE {table} IN {mode} MODE".encode())
            await asyncio.sleep(seconds)

    async def terminate_listeners(self) -> int:
        """pg_terminate_backend on the connections for hints; how many there were."""
        query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        async with await psycopg.AsyncConnection.connect(self.direct, autocommit=True) as connection:
            row = await (await connection.execute(query)).fetchone()
        return int(row[0]) if row else 0


@asynccontextmanager
async def database(place: Path, clock: WallClock) -> AsyncIterator[Database]:
    """A running one that reads this clock. `place` must have a short path: a socket lies in it."""
    place.mkdir()
    found = Database(place)
    found.clock = clock
    with patch.dict(ENVIRONMENT, clock.environment):
        await found.start()
        async with unix_proxy(found.socket, place / SOCKET) as found.proxy:
            try:
                yield found
            finally:
                await found.stop()
