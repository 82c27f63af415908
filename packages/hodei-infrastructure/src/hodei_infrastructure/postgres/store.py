"""The store as a whole: begins transactions, each with all stores in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any

from attrs import field, frozen

from hodei_infrastructure.migrations.upgrade import migrate
from hodei_infrastructure.postgres.audit import NewsFloor, PostgresAuditTrail
from hodei_infrastructure.postgres.connection import Connection
from hodei_infrastructure.postgres.connections import (
    Pool,
    Terms,
    drain,
    is_pooled,
    pool_of,
    take,
    wait_for_database,
)
from hodei_infrastructure.postgres.documents import SpecTexts
from hodei_infrastructure.postgres.hints import CHANNEL
from hodei_infrastructure.postgres.history import PostgresHistoryStore
from hodei_infrastructure.postgres.job_clocks import PostgresClockViews, PostgresLeaseStore
from hodei_infrastructure.postgres.job_views import PostgresJobViews
from hodei_infrastructure.postgres.jobs import KnownClasses, PostgresJobStore
from hodei_infrastructure.postgres.logs import PostgresLogStore
from hodei_infrastructure.postgres.metrics import PostgresMetricsStore
from hodei_infrastructure.postgres.providers import PostgresProviderStore
from hodei_infrastructure.postgres.queue import PostgresJobQueue
from hodei_infrastructure.postgres.session import ANSWERS_WITHIN_S, Session, answers_within
from hodei_infrastructure.postgres.shared import PostgresLeaderStore, PostgresSettingsStore
from hodei_infrastructure.postgres.worker_tokens import PostgresOtpStore, PostgresSessionStore
from hodei_infrastructure.postgres.workers import PostgresWorkerStore

LEASE = timedelta(seconds=45)  # how long a new attempt may go without a sign of its worker
TIMEOUT = timedelta(seconds=30)  # how long one request waits for a connection


@frozen
class Common:
    """What all transactions of one store share."""

    lease: timedelta
    specs: SpecTexts
    classes: KnownClasses
    terms: Terms
    floor: NewsFloor = field(factory=NewsFloor)
    given_back: set[asyncio.Task[None]] = field(factory=set)
    """What ends transactions; nobody may wait for it any more."""


class PostgresTransaction:
    """The stores of one transaction. Use after its end raises RuntimeError."""

    def __init__(self, session: Session, common: Common) -> None:
        self._session = session
        self._common = common

    @property
    def jobs(self) -> PostgresJobStore:
        """Jobs by id."""
        common = self._common
        return PostgresJobStore(self._session, common.specs, common.classes, common.lease)

    @property
    def queue(self) -> PostgresJobQueue:
        """The jobs that wait."""
        return PostgresJobQueue(self._session, self._common.specs)

    @property
    def job_views(self) -> PostgresJobViews:
        """Lists and counts."""
        return PostgresJobViews(self._session, self._common.specs)

    @property
    def leases(self) -> PostgresLeaseStore:
        """Leases of attempts."""
        return PostgresLeaseStore(self._session)

    @property
    def clocks(self) -> PostgresClockViews:
        """Clocks that have run out."""
        return PostgresClockViews(self._session)

    @property
    def workers(self) -> PostgresWorkerStore:
        """Workers by id."""
        return PostgresWorkerStore(self._session)

    @property
    def otps(self) -> PostgresOtpStore:
        """One-time passwords."""
        return PostgresOtpStore(self._session)

    @property
    def sessions(self) -> PostgresSessionStore:
        """Session digests."""
        return PostgresSessionStore(self._session)

    @property
    def providers(self) -> PostgresProviderStore:
        """Providers by id and name."""
        return PostgresProviderStore(self._session)

    @property
    def logs(self) -> PostgresLogStore:
        """Output of jobs."""
        return PostgresLogStore(self._session)

    @property
    def history(self) -> PostgresHistoryStore:
        """Jobs that are over."""
        return PostgresHistoryStore(self._session)

    @property
    def audit(self) -> PostgresAuditTrail:
        """Events."""
        return PostgresAuditTrail(self._session, self._common.floor)

    @property
    def leaders(self) -> PostgresLeaderStore:
        """Leader leases."""
        return PostgresLeaderStore(self._session)

    @property
    def settings(self) -> PostgresSettingsStore:
        """Settings that all replicas share."""
        return PostgresSettingsStore(self._session)

    async def version(self) -> str:
        """The server's version."""
        return str(await self._session.value("SHOW server_version", {}))

    @property
    def metrics(self) -> PostgresMetricsStore:
        """Tallies and samples of use."""
        return PostgresMetricsStore(self._session)

    async def notify(self, payload: str) -> None:
        """Send a hint at the commit. Not in a transaction that does anything else."""
        await self._session.rows("SELECT pg_notify(%s, %s)", (CHANNEL, payload))


class _Unit(AbstractAsyncContextManager[PostgresTransaction]):
    """Commits on a clean exit, rolls back when an exception leaves, and gives the connection back. Whoever is
    cancelled does not wait for that and cannot interrupt it.
    """

    def __init__(self, pool: Pool, common: Common) -> None:
        self._pool = pool
        self._common = common

    async def __aenter__(self) -> PostgresTransaction:
        self._connection: Connection = await take(self._pool)
        self._session = Session(self._connection, self._common.terms)
        return PostgresTransaction(self._session, self._common)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        committed, nobody_waits = False, isinstance(error, asyncio.CancelledError)
        try:
            if error is None:
                await self._session.commit()
                committed = True
        except asyncio.CancelledError:
            nobody_waits = True
            raise
        finally:
            giving = asyncio.create_task(self._give_back(committed), name="give a connection back")
            self._common.given_back.add(giving)
            giving.add_done_callback(self._common.given_back.discard)
            if not nobody_waits:
                await asyncio.shield(giving)

    async def _give_back(self, committed: bool) -> None:
        try:
            if not committed:
                await self._session.roll_back()
        finally:
            if self._session.stale:
                await self._connection.close()
            await self._pool.putconn(self._connection)
            if self._session.stale:
                await drain(self._pool)


class PostgresStore:
    """Every store port on one database. `begin` is a unit of work."""

    def __init__(
        self,
        pool: Pool,
        lease: timedelta = LEASE,
        answers_within_s: float = ANSWERS_WITHIN_S,
        *,
        pooled: bool = False,
    ) -> None:
        self._pool = pool
        self.pooled = pooled
        self._common = Common(lease, SpecTexts(), KnownClasses(), Terms(answers_within_s, pooled))

    def begin(self) -> AbstractAsyncContextManager[PostgresTransaction]:
        """A transaction. Raises StoreUnavailable when the database cannot be reached."""
        return _Unit(self._pool, self._common)

    async def settled(self) -> None:
        """Return when all connections are given back whose transactions were left."""
        while self._common.given_back:
            await asyncio.wait(self._common.given_back)

    async def notify(self, payload: str) -> None:
        """Say something to whoever listens on the channel of hints. Raises StoreUnavailable."""
        async with self.begin() as tx:
            await tx.notify(payload)

    async def version(self) -> str:
        """What the database calls itself. Raises StoreUnavailable."""
        async with self.begin() as tx:
            return f"PostgreSQL {await tx.version()}"

    def connections(self) -> list[tuple[tuple[str, ...], float]]:
        """How many connections there are, by whether they are in use."""
        stats = self._pool.get_stats()
        idle = stats.get("pool_available", 0)
        return [(("in use",), float(stats.get("pool_size", 0) - idle)), (("idle",), float(idle))]

    def waiting(self) -> list[tuple[tuple[str, ...], float]]:
        """How many transactions wait for a connection."""
        return [((), float(self._pool.get_stats().get("requests_waiting", 0)))]

    def facts(self) -> dict[str, Any]:
        """Numbers about the connections, for metrics and the doctor."""
        return dict(self._pool.get_stats())


@asynccontextmanager
async def open_store(
    url: str, *, connections: int = 10, timeout: timedelta = TIMEOUT, lease: timedelta = LEASE
) -> AsyncIterator[PostgresStore]:
    """The store of a database, while the context is open.

    Waits for a database that is down and brings its schema up to date. `connections` is the most that are
    used at a time, `timeout` how long one request waits for one. Raise SchemaTooNew.
    """
    await wait_for_database(url)
    await migrate(url)
    patience, pooled = answers_within(lease), await is_pooled(url)
    pool = pool_of(url, connections, timeout, patience, pooled=pooled)
    await pool.open()
    store = PostgresStore(pool, lease, patience, pooled=pooled)
    try:
        yield store
    finally:
        await store.settled()
        await pool.close()
