"""Connections: how each is set up, and the pool that hands them out."""

from __future__ import annotations

import asyncio
import logging
import random
import select
import time
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from attrs import frozen
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg_pool import AsyncConnectionPool

from hodei_infrastructure.postgres.connection import Connection
from hodei_infrastructure.postgres.conninfo import BadAddress, read
from hodei_infrastructure.postgres.errors import translated
from hodei_infrastructure.postgres.refusals import DatabaseRefused, final, said

logger = logging.getLogger("hodei.postgres")
# The pool warns of each attempt to connect, many times a minute while a database is away. We say it once.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

Pool = AsyncConnectionPool[Connection]

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_DRAIN_APART_S = 1.0

# Each statement here finds its rows by an index, whatever the size of the tables. A plan is made once for
# each connection, perhaps while a table is empty, and must be right when it has a million rows: so the
# planner is told what we know. Sorting, counting and grouping are not affected. Statements that take this
# long are stuck; the server says so before we give its connection up (see session.py).
_SETTINGS = {
    "timezone": "UTC",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",  # its rows are not in order, and a page would have to sort them all
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "idle_in_transaction_session_timeout": "60s",
}
_SHARES = {"lock_timeout": 0.5, "statement_timeout": 0.75}  # of the time after which a connection is given up
_USUAL_S = 20.0


def _set_up(answers_within_s: float, *, local: bool) -> str:
    shares = {name: f"{answers_within_s * share * 1000:.0f}ms" for name, share in _SHARES.items()}
    told = ", ".join(
        f"set_config('{name}', '{value}', {local})" for name, value in (_SETTINGS | shares).items()
    )
    return f"SELECT {told}"


@frozen
class Terms:
    """How a connection is used. `pooled`: something between hands its sessions out, perhaps another one for
    each transaction, as PgBouncer does: then nothing may be left in one, neither a setting nor a name.
    """

    answers_within_s: float
    pooled: bool = False

    @property
    def prepares(self) -> bool:
        """Whether statements get a name on the server, under which they come again."""
        return not self.pooled

    @property
    def begins(self) -> bytes:
        """What begins a transaction."""
        return f"BEGIN; {_set_up(self.answers_within_s, local=True)}".encode() if self.pooled else b"BEGIN"


# For connections that cross a network: notice within half a minute that the other side is gone without a
# word.
_NETWORK = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "application_name": "hodei",
}


class _Text(Loader):
    """JSON as the bytes that the server sends; who reads knows what to make of them."""

    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


class _VersionedText(_Text):
    def load(self, data: Buffer) -> bytes:
        return bytes(data)[1:]  # jsonb has a version number in front


def parameters(url: str) -> dict[str, Any]:
    """What libpq is given: the URL's own words, and ours where it is silent. Text is UTF-8 whatever it says.

    Raise DatabaseRefused for what is no address.
    """
    try:
        return _NETWORK | read(url) | {"client_encoding": "UTF8"}
    except BadAddress as bad:
        raise DatabaseRefused(f"HODEI_DATABASE_URL: {bad}") from None


async def set_up(connection: Connection, terms: Terms | None = None) -> None:
    """Make a new connection ready for our statements: they are answered, by an error at least, within so many
    seconds.
    """
    terms = terms or Terms(_USUAL_S)
    connection.adapters.register_loader("json", _Text)
    connection.adapters.register_loader("jsonb", _VersionedText)
    if terms.pooled:
        connection.prepare_threshold = None
    else:
        await connection.execute(_set_up(terms.answers_within_s, local=False).encode())


async def is_pooled(url: str) -> bool:
    """Whether something between hands sessions out: then the process that answers is not the one that let us
    in. Raise StoreUnavailable.
    """
    with translated():
        async with await psycopg.AsyncConnection.connect(**parameters(url)) as connection:
            row = await (await connection.execute("SELECT pg_backend_pid()", prepare=False)).fetchone()
            return row is not None and row[0] != connection.info.backend_pid


def pool_of(
    url: str, size: int, timeout: timedelta, answers_within_s: float = _USUAL_S, *, pooled: bool = False
) -> Pool:
    """A pool of at most `size` connections, not yet opened. `timeout` bounds the wait for one."""

    async def configure(connection: Connection) -> None:
        await set_up(connection, Terms(answers_within_s, pooled))

    return AsyncConnectionPool(
        "",
        kwargs={**parameters(url), "autocommit": True},
        connection_class=Connection,
        configure=configure,
        min_size=min(2, size),
        max_size=size,
        open=False,
        timeout=timeout.total_seconds(),
        max_idle=300,
        # Attempts get rarer while a database is away; give up early and let the next request begin anew.
        reconnect_timeout=3,
    )


async def take(pool: Pool) -> Connection:
    """A connection that is not known to be broken. Raise StoreUnavailable."""
    with translated():
        while True:
            connection = await pool.getconn()
            if not _is_dead(connection):  # a look costs a microsecond
                return connection
            # The server was restarted meanwhile: all of them are like this, and none must fail a request.
            await connection.close()
            await pool.putconn(connection)


async def drain(pool: Pool) -> None:
    """Have all connections replaced, those in use when they come back; at most once in a second."""
    now = time.monotonic()
    if now - _drained_at.get(pool, float("-inf")) >= _DRAIN_APART_S:
        _drained_at[pool] = now
        await pool.drain()


_drained_at: WeakKeyDictionary[Pool, float] = WeakKeyDictionary()


def _is_dead(connection: Connection) -> bool:
    """Whether there is something to read, which on an idle connection can only be its end."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def wait_for_database(url: str) -> None:
    """Return when the database answers and takes writes, however long that takes; says once for each reason
    that it waits. Raise DatabaseRefused where waiting is in vain.
    """
    pause, said = _FIRST_PAUSE_S, set[str]()
    while (why := await _why_not(url)) is not None:
        if why not in said:
            logger.warning("waiting for the database", extra={"reason": why})
            said.add(why)
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  (spreads load, keeps no secret)
        pause = min(pause * 2, _LONGEST_PAUSE_S)
    if said:
        logger.info("the database is there")


async def _why_not(url: str) -> str | None:
    try:
        async with await psycopg.AsyncConnection.connect(**parameters(url)) as connection:
            answer = await (await connection.execute("SHOW transaction_read_only", prepare=False)).fetchone()
    except psycopg.Error as error:
        if (refused := final(error)) is not None:
            raise refused from None
        if not isinstance(error, psycopg.OperationalError):
            raise
        return said(error)
    is_read_only = answer is not None and answer[0] == "on"
    return "it takes no writes: it is a standby, or was set to be read-only" if is_read_only else None
