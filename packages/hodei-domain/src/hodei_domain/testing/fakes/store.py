"""The store in memory: every store port, in transactions that are visible whole or not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta

from attrs import frozen

from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.testing.fakes.audit import MemoryAuditTrail
from hodei_domain.testing.fakes.history import MemoryHistory
from hodei_domain.testing.fakes.job_views import MemoryClockViews, MemoryJobViews, MemoryLeases
from hodei_domain.testing.fakes.jobs import MemoryJobs
from hodei_domain.testing.fakes.logs import MemoryLogs
from hodei_domain.testing.fakes.metrics import MemoryMetrics
from hodei_domain.testing.fakes.providers import MemoryProviders
from hodei_domain.testing.fakes.queue import MemoryQueue
from hodei_domain.testing.fakes.shared import MemoryLeaders, MemorySettings
from hodei_domain.testing.fakes.tables import Tables, real_now
from hodei_domain.testing.fakes.workers import MemoryOtps, MemorySessions, MemoryWorkers


class MemoryTransaction:
    """The stores of one transaction. Use after its end is a mistake of the caller and raises RuntimeError."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._open = True
        self._spoiled = False
        self.jobs = MemoryJobs(self)
        self.queue = MemoryQueue(self)
        self.job_views = MemoryJobViews(self)
        self.leases = MemoryLeases(self)
        self.clocks = MemoryClockViews(self)
        self.workers = MemoryWorkers(self)
        self.otps = MemoryOtps(self)
        self.sessions = MemorySessions(self)
        self.providers = MemoryProviders(self)
        self.logs = MemoryLogs(self)
        self.history = MemoryHistory(self)
        self.audit = MemoryAuditTrail(self)
        self.leaders = MemoryLeaders(self)
        self.settings = MemorySettings(self)
        self.metrics = MemoryMetrics(self)

    @property
    def tables(self) -> Tables:
        """What the store keeps, while this transaction is open."""
        if not self._open:
            raise RuntimeError("the transaction is over")
        return self._tables

    def spoil(self) -> None:
        """A write was refused: this transaction must not be committed."""
        self._spoiled = True

    def close(self) -> None:
        """No further use."""
        self._open = False

    def commit(self) -> None:
        """Make it visible."""
        if self._spoiled:
            raise RuntimeError("a write of this transaction was refused; let the exception leave it")
        for table in self._tables.all():
            table.commit()


class MemoryStore:
    """Keeps everything in memory; one transaction at a time, so that each sees what the former committed.

    `now` is the store's own clock, `lease` the duration that a new attempt gets. `begin` is a unit of work.
    """

    def __init__(
        self, now: Callable[[], datetime] = real_now, lease: timedelta = timedelta(seconds=45)
    ) -> None:
        self.tables = Tables(now=now, lease=lease)
        self.commits = 0
        self._failing = 0
        self._failure = StoreUnavailable("the store broke off")
        self._lock = asyncio.Lock()
        self._holder: object = None

    def fail_commits(self, count: int, error: StoreUnavailable | None = None) -> None:
        """Let the next `count` commits fail, with StoreUnavailable or this error; nothing of them is kept."""
        self._failing = count
        self._failure = error or StoreUnavailable("the store broke off")

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryTransaction]:
        """A transaction: commits on a clean exit, else rolls back."""
        if self._holder is asyncio.current_task():
            raise RuntimeError("a transaction inside a transaction of the same task would wait for itself")
        async with self._lock:
            self._holder = asyncio.current_task()
            transaction = MemoryTransaction(self.tables)
            try:
                yield transaction
                self._commit(transaction)
            finally:
                transaction.close()
                for table in self.tables.all():
                    table.rollback()
                self._holder = None

    def _commit(self, transaction: MemoryTransaction) -> None:
        if self._failing:
            self._failing -= 1
            raise self._failure
        transaction.commit()
        self.commits += 1


@frozen
class MemoryUnitOfWork:
    """Begins transactions of a MemoryStore when called."""

    store: MemoryStore

    def __call__(self) -> AbstractAsyncContextManager[MemoryTransaction]:
        return self.store.begin()
