"""The store: the fakes of hodei_domain.testing behind transactions as Postgres has them.

READ COMMITTED: each statement sees what others have committed and what its own transaction wrote. Rows are
locked by who locks or writes them until the transaction ends; a claim skips rows that are locked. Statements
take time, connections break, commits fail, and some succeed although nobody hears of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any

from attrs import define, field
from hodei_domain.kernel.errors import StoreBusy, StoreUnavailable
from hodei_domain.kernel.events import Event as DomainEvent
from hodei_domain.testing.fakes.store import MemoryTransaction
from hodei_domain.testing.fakes.tables import Table, Tables

from simulation.history import Event, History
from simulation.loop import NODE, Node

ANSWERS_WITHIN = 20.0  # seconds
LOCK_TIMEOUT = 10.0
IDLE_TIMEOUT = 60.0
_GONE: Any = object()
Key = tuple[Hashable, ...]


class View(Mapping[Any, Any]):
    """The rows that a transaction sees: its own over those of the store."""

    def __init__(self, shared: dict[Any, Any], mine: dict[Any, Any]) -> None:
        self._shared = shared
        self._mine = mine

    def __getitem__(self, key: Any) -> Any:
        row = self._mine[key] if key in self._mine else self._shared[key]
        if row is _GONE:
            raise KeyError(key)
        return row

    def __iter__(self) -> Iterator[Any]:
        if not self._mine:
            return iter(self._shared)
        new = [key for key, row in self._mine.items() if row is not _GONE and key not in self._shared]
        return iter([*(key for key in self._shared if self._mine.get(key) is not _GONE), *new])

    def __len__(self) -> int:
        return len(self._shared) if not self._mine else sum(1 for _ in self)

    def __contains__(self, key: object) -> bool:
        return self._mine[key] is not _GONE if key in self._mine else key in self._shared

    def get(self, key: Any, default: Any = None) -> Any:
        row = self._mine[key] if key in self._mine else self._shared.get(key, default)
        return default if row is _GONE else row

    def values(self) -> Any:
        return self._shared.values() if not self._mine else super().values()

    def items(self) -> Any:
        return self._shared.items() if not self._mine else super().items()


class Writes(Table[Any, Any]):
    """One transaction's part of a table."""

    def __init__(self, shared: dict[Any, Any]) -> None:
        self._mine: dict[Any, Any] = {}
        self._shared = shared
        self.rows = View(shared, self._mine)  # type: ignore[assignment]

    def written(self) -> list[Any]:
        """What this transaction has put there."""
        return list(self._mine.values())

    def put(self, key: Any, row: Any) -> None:
        self._mine[key] = row

    def drop(self, key: Any) -> None:
        self._mine[key] = _GONE

    def commit(self) -> None:
        for key, row in self._mine.items():
            if row is _GONE:
                self._shared.pop(key, None)
            else:
                self._shared[key] = row
        self._mine.clear()

    def rollback(self) -> None:
        self._mine.clear()


@define
class Part(Tables):
    """All tables as one transaction sees them."""

    shared: Tables = field(kw_only=True)
    told: list[DomainEvent] = field(factory=list, kw_only=True)

    @classmethod
    def of(cls, shared: Tables) -> Part:
        """Nothing is written yet."""
        names = [name for name, value in _tables(shared)]
        parts = {name: Writes(getattr(shared, name).rows) for name in names}
        return cls(now=shared.now, lease=shared.lease, shared=shared, **parts)  # type: ignore[arg-type]

    def record(self, events: tuple[DomainEvent, ...]) -> None:
        """See Tables; numbers are the store's, and one that is rolled back is lost."""
        self.recorded = self.shared.recorded
        Tables.record(self, events)
        self.shared.recorded = self.recorded
        self.told.extend(events)


def _tables(tables: Tables) -> list[tuple[str, Any]]:
    names = (a.name for a in Tables.__attrs_attrs__)
    return [(name, getattr(tables, name)) for name in names if isinstance(getattr(tables, name), Table)]


class Locks:
    """Who holds which row, and who waits for it in what order."""

    def __init__(self) -> None:
        self._owners: dict[Key, Session] = {}
        self._waiting: dict[Key, deque[tuple[Session, asyncio.Future[None]]]] = {}

    def holder(self, key: Key) -> Session | None:
        """Who holds it."""
        return self._owners.get(key)

    def try_take(self, key: Key, session: Session) -> bool:
        """Take it unless somebody else has it."""
        owner = self._owners.setdefault(key, session)
        if owner is session:
            session.locks[key] = None
        return owner is session

    def queue(self, key: Key, session: Session) -> asyncio.Future[None]:
        """Wait behind those that wait already; it is ours when the future is done."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append((session, future))
        session.waits_for = key
        return future

    def closes_circle(self, key: Key, session: Session) -> bool:
        """Whether who holds it waits, in the end, for this session."""
        seen: Key | None = key
        for _ in range(100):
            owner = None if seen is None else self._owners.get(seen)
            if owner is None:
                return False
            if owner is session:
                return True
            seen = owner.waits_for
        return False

    def release(self, session: Session) -> None:
        """The end of a transaction: the next in each line gets its turn."""
        for key in session.locks:
            del self._owners[key]
            line = self._waiting.get(key)
            while line:
                heir, future = line.popleft()
                if not future.done() and heir.open:
                    self._owners[key] = heir
                    heir.locks[key] = None
                    heir.waits_for = None
                    future.set_result(None)
                    break
            if not line:
                self._waiting.pop(key, None)
        session.locks.clear()


class Session:
    """One transaction of one node."""

    def __init__(self, store: SimStore, node: Node) -> None:
        self.store = store
        self.node = node
        self.open = True
        self.broken = ""
        self.committing = False
        self.locks: dict[Key, None] = {}
        self.waits_for: Key | None = None
        self.waiting: asyncio.Future[None] | None = None
        self.active_at = store.now
        self.tables = Part.of(store.tables)
        self.inner = MemoryTransaction(self.tables)

    def __getattr__(self, name: str) -> Any:
        port = _Port(self, name, getattr(self.inner, name))
        setattr(self, name, port)
        return port

    async def statement(self, port: str, method: str, arguments: tuple[Any, ...]) -> None:
        """Travel there, and take the locks that it needs."""
        await self.store.travel()
        self.check()
        # Who waited looks again: what came meanwhile must be locked, too.
        while missing := [k for k in _locks_of(self.tables, port, method, arguments) if k not in self.locks]:
            for key in missing:
                await self._lock(key)
        self.active_at = self.store.now

    def check(self) -> None:
        """Raise StoreUnavailable if the connection is gone."""
        if not self.broken and self.store.now - self.active_at > IDLE_TIMEOUT:
            self.end("it was idle in a transaction for too long")
        if not self.broken and self.store.breaks():
            self.end("the connection broke")
        if self.broken:
            raise StoreUnavailable(self.broken)

    async def _lock(self, key: Key) -> None:
        locks = self.store.locks
        if locks.try_take(key, self):
            return
        if locks.closes_circle(key, self):
            self.store.history.problem(f"deadlock: {self.node} wants {key}, and holds {list(self.locks)}")
            self.end("the database was too busy")
            raise StoreUnavailable(self.broken)
        future = self.waiting = locks.queue(key, self)
        timer = asyncio.get_running_loop().call_later(LOCK_TIMEOUT, future.cancel)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled() or asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise
            if self.broken:
                raise StoreUnavailable(self.broken) from None
            raise StoreBusy("a lock was kept for too long") from None
        finally:
            self.waits_for = self.waiting = None
            timer.cancel()
        self.check()

    async def commit(self) -> None:
        """Make it visible; may fail before, or after without a word."""
        self.check()
        self.committing = True
        await self.store.travel()
        self.check()
        doom = self.store.doomed.pop(self.node, None)
        if doom is not None and self.store.coin():
            doom()
            await self.store.travel()  # never comes back
        self.apply()
        if doom is not None:
            doom()
        lost = self.store.loses_answer()
        self.end("")
        await self.store.travel()
        if lost:
            raise StoreUnavailable("the connection broke, whatever became of the commit")

    def apply(self) -> None:
        """Make it visible, now."""
        chunks = [chunk for chunk in self.tables.chunks.written() if chunk is not _GONE]  # type: ignore[attr-defined]
        self.inner.commit()
        self.store.committed(self, chunks)

    def end(self, broken: str) -> None:
        """Roll back what was not committed, and let others in."""
        if not self.open:
            return
        self.broken = broken
        self.open = False
        self.inner.close()
        for _, table in _tables(self.tables):
            table.rollback()
        self.store.sessions.pop(self, None)
        if self.waiting is not None and not self.waiting.done():
            self.waiting.cancel()
        self.store.locks.release(self)


class _Port:
    """A store port whose calls take time and locks."""

    def __init__(self, session: Session, name: str, inner: Any) -> None:
        self._session = session
        self._name = name
        self._inner = inner

    def __getattr__(self, method: str) -> Callable[..., Any]:
        session, name, call = self._session, self._name, getattr(self._inner, method)

        async def run(*arguments: Any, **named: Any) -> Any:
            await session.statement(name, method, arguments)
            if method == "claim":
                return _claimed(session, await call(arguments[0], 1 << 30), arguments[1])
            return await call(*arguments, **named)

        setattr(self, method, run)
        return run


def _claimed(session: Session, jobs: Iterable[Any], limit: int) -> list[Any]:
    """SKIP LOCKED."""
    free: list[Any] = []
    for job in jobs:
        if len(free) >= limit:
            break
        if session.store.locks.try_take(("job", job.id), session):
            free.append(job)
    return free


def _locks_of(tables: Tables, port: str, method: str, arguments: tuple[Any, ...]) -> Iterable[Key]:
    """The rows that a statement locks, in the order in which Postgres comes to them."""
    match port, method:
        case "jobs", "lock":
            return [("job", id) for id in sorted(set(arguments[0]))]
        case "jobs", "save":
            moved = sorted((c for c in arguments[0] if not c.is_same), key=lambda c: c.after.id)
            keys: list[Key] = [("job", c.after.id) for c in moved]
            keys += [("key", c.after.key) for c in moved if c.is_new and c.after.key]
            keys += [("class", d) for d in sorted({c.after.demand.key for c in moved if c.after.is_queued})
                     if d not in tables.classes.rows]  # fmt: skip
            keys += [("lease", c.after.id) for c in moved if c.after.attempt]
            keys += [("hold", c.after.worker_id) for c in moved if c.after.worker_id]
            return keys
        case "leases", "renew":
            held = [k for k in tables.leases.rows if tables.attempts.rows[k].worker_id in arguments[0]]
            return [("lease", key[0]) for key in sorted(held)]
        case "queue", "promote":
            return [("job", id) for id in sorted(tables.queue.rows)]
        case "workers", "lock" | "record_heartbeats":
            return [("worker", id) for id in sorted(set(arguments[0]))]
        case "workers", "save":
            return [("worker", c.after.id) for c in sorted(arguments[0], key=lambda c: c.after.id)]
        case "otps", "put":
            return [("otp", arguments[0].worker_id)]
        case "otps", "consume":
            return [("otp", arguments[0])]
        case "sessions", "put":
            return [("session", arguments[0].worker_id)]
        case "providers", "save":
            return [
                (what, key)
                for c in arguments[0]
                for what, key in (("provider", c.after.id), ("named", c.after.name))
            ]
        case "logs", "append":
            return [("log", *key) for key in sorted({(c.job_id, c.attempt) for c in arguments[0]})]
        case "leaders", "acquire" | "release":
            return [("leader", arguments[0])]
        case "settings", "put" | "put_if_absent":
            return [("setting", arguments[0])]
    return ()


class SimStore:
    """See the module. Rates are chances per statement or commit; `down` refuses everybody."""

    def __init__(
        self, random: Random, history: History, now: Callable[[], datetime], lease: timedelta
    ) -> None:
        self._random = random
        self.history = history
        self.tables = Tables(now=now, lease=lease)
        self.locks = Locks()
        self.sessions: dict[Session, None] = {}
        self.break_rate = self.fail_rate = self.lose_rate = 0.0
        self.slowness = 1.0
        self.down = False
        self.doomed: dict[Node, Callable[[], None]] = {}  # nodes that die in their next commit
        self.commits = 0

    @property
    def now(self) -> float:
        """Virtual seconds."""
        return asyncio.get_running_loop().time()

    def begin(self) -> AbstractAsyncContextManager[Any]:
        """A unit of work for whichever node calls."""
        return self._begin()

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[Session]:
        await self.travel()
        if self.down:
            raise StoreUnavailable("the database cannot be reached")
        session = Session(self, NODE.get())
        self.sessions[session] = None
        try:
            yield session
            await session.commit()
        finally:
            session.end(session.broken or "the transaction is over")

    async def travel(self) -> None:
        """There and back, now and then slowly; who waits for too long gives up, as with the real one."""
        luck = self._random.random()
        seconds = 0.0002 + 0.002 * luck if luck < 0.97 else 0.05 * (luck - 0.97) / 0.03
        if luck > 0.998:
            seconds = 1.0 * self._random.random()
        seconds *= self.slowness
        await asyncio.sleep(min(seconds, ANSWERS_WITHIN))
        if seconds > ANSWERS_WITHIN:
            raise StoreUnavailable("the database does not answer")

    def coin(self) -> bool:
        """Heads or tails."""
        return self._random.random() < 0.5

    def breaks(self) -> bool:
        """Whether this statement finds its connection broken."""
        return self.down or (self.break_rate > 0 and self._random.random() < self.break_rate)

    def loses_answer(self) -> bool:
        """Whether the answer to this commit is lost."""
        return self.lose_rate > 0 and self._random.random() < self.lose_rate

    def committed(self, session: Session, chunks: list[Any]) -> None:
        """A transaction became visible."""
        self.commits += 1
        self.history.kept += [(self.now, (str(chunk.job_id), chunk.attempt)) for chunk in chunks]
        for event in session.tables.told:
            told = Event(self.now, event.type, event.correlation_id or "", event.payload())
            self.history.events.append(told)
            self.history.note(f"{session.node} {event.type} {event.correlation_id} {_short(told.payload)}")
        session.tables.told.clear()

    def go_down(self) -> None:
        """Every connection breaks; what was about to be committed may have been."""
        self.down = True
        for session in list(self.sessions):
            self._break(session, "the database went away")

    def come_up(self) -> None:
        """Answer again."""
        self.down = False

    def forget(self, node: Node) -> None:
        """A node died: its transactions end as if its connections had been closed."""
        for session in [each for each in self.sessions if each.node is node]:
            self._break(session, "its process died")

    def _break(self, session: Session, why: str) -> None:
        if session.committing and session.open and self.coin():
            with suppress(RuntimeError):  # a refused write: that is never committed
                session.apply()
        session.end(why)


def _short(payload: Any) -> str:
    return " ".join(f"{k}={v}" for k, v in payload.items() if k in _TOLD and v is not None)


_TOLD = ("old_state", "new_state", "attempt", "worker_id", "reason", "exit_code", "job_id")
