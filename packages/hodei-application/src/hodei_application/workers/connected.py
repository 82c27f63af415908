"""The workers whose streams this replica holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from attrs import define, field
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.scheduling.offers import start_dir
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_application.logs.legacy_log import LegacyLog
from hodei_application.scheduling.kinds import Kind
from hodei_application.workers.commands import Command, RunAttempt
from hodei_application.workers.link import LinkClosed, WorkerLink
from hodei_application.workers.usage import Usage

SUSPICION = timedelta(seconds=15)


@define(eq=False, kw_only=True)
class Connection:
    """One stream, and the worker as this replica last read or saved it.

    The row in the store is the truth; a save from an outdated copy is refused by its version, and the copy
    is read again. `kind` is equal for workers that can serve the same classes. `job` is the newest copy of
    the job that it holds, or held last. `aware` are the attempts that the worker told of when it bound, or
    was told of since over this stream. `heard_at` and `leased_at` are monotonic, in seconds: the lease of
    what it holds runs from `leased_at` at least. Samples for the audit trail and for
    the metrics were taken at `sampled_at` and `measured_at`. `ended` is set when it is forgotten here, and
    until `stays_until` nobody asks the worker to go to another server.
    """

    link: WorkerLink
    worker: Worker
    kind: Kind
    heard_at: float
    leased_at: float
    usage: Usage | None = None
    sampled_at: float = float("-inf")
    measured_at: float = float("-inf")
    legacy_log: LegacyLog | None = None
    job: Job | None = None
    aware: frozenset[tuple[JobId, int]] = frozenset()
    ended: asyncio.Event = field(factory=asyncio.Event)
    stays_until: float = float("-inf")

    def run(self, job: Job) -> None:
        """Have the worker run the job's present attempt. Raises LinkClosed, Undeliverable."""
        self.link.send(RunAttempt(job, start_dir(job.spec, self.worker)))
        self.legacy_log = LegacyLog(job.id, job.attempt)
        self.aware = frozenset({(job.id, job.attempt)})


@define(eq=False)
class ConnectedWorkers:
    """Links by worker id, and by kind who of them is idle, the longest idle first."""

    monotonic: Callable[[], float]
    suspicion: timedelta = SUSPICION
    _by_id: dict[WorkerId, Connection] = field(factory=dict, init=False)
    _idle: dict[Kind, dict[WorkerId, Connection]] = field(factory=dict, init=False)
    _coming: list[WorkerId] = field(factory=list, init=False)
    unwritten_at: float = field(default=float("-inf"), init=False)
    """When leases could not be renewed last, or not be read by whoever judges."""
    reserved: set[WorkerId] = field(factory=set, init=False)
    """Idle workers for which a transaction is under way."""

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_id.values()))

    def get(self, worker_id: WorkerId) -> Connection | None:
        """The connection of a worker, None if it is not connected here."""
        return self._by_id.get(worker_id)

    def holds(self, link: WorkerLink) -> Connection | None:
        """The connection, unless the worker has a newer one or none."""
        connection = self._by_id.get(link.worker_id)
        return connection if connection is not None and connection.link is link else None

    def is_here(self, worker_id: WorkerId) -> bool:
        """Whether its stream is bound, or being bound just now."""
        return worker_id in self._by_id or worker_id in self._coming

    @contextmanager
    def coming(self, worker_id: WorkerId) -> Iterator[None]:
        """While its stream is being bound: the end of an older stream must not mark it as disconnected
        then.
        """
        self._coming.append(worker_id)
        try:
            yield
        finally:
            self._coming.remove(worker_id)

    def add(self, link: WorkerLink, worker: Worker, kind: Kind, leased_at: float) -> Connection:
        """The worker's stream is bound. An older link of the same worker is closed: the newest one counts."""
        older = self._by_id.get(worker.id)
        if older is not None:
            self._set_idle(older, idle=False)
            older.ended.set()
        connection = Connection(
            link=link, worker=worker, kind=kind, heard_at=self.monotonic(), leased_at=leased_at
        )
        self._by_id[worker.id] = connection
        self._sort(connection)
        if older is not None and older.link is not link:
            older.link.close("the worker connected again")
        return connection

    def remove(self, link: WorkerLink) -> bool:
        """Forget a link; False if the worker has a newer one, so that it is not disconnected at all."""
        connection = self.holds(link)
        if connection is not None:
            del self._by_id[link.worker_id]
            self._set_idle(connection, idle=False)
            connection.ended.set()
        return not self.is_here(link.worker_id)

    def update(self, workers: Iterable[Worker]) -> None:
        """Workers as they were just saved or read.

        Those that are not connected here, or known newer, are passed over.
        """
        for worker in workers:
            connection = self._by_id.get(worker.id)
            if connection is not None and worker.version >= connection.worker.version:
                connection.worker = worker
                self._sort(connection)

    def hear(self, job: Job) -> None:
        """A job moved: the worker that holds it, if it is connected here, has a newer copy."""
        connection = None if job.worker_id is None else self._by_id.get(job.worker_id)
        if connection is None:
            return
        known = connection.job
        if known is None or known.id != job.id or known.version < job.version:
            connection.job = job

    def heard(self, link: WorkerLink) -> Connection | None:
        """A sign of life over this link; the connection, unless the link is not, or no longer, the
        worker's.
        """
        connection = self.holds(link)
        if connection is not None:
            connection.heard_at = self.monotonic()
        return connection

    @contextmanager
    def writing_leases(self) -> Iterator[None]:
        """Note when they cannot be reached: then their end proves nothing."""
        try:
            yield
        except StoreUnavailable:
            self.unwritten_at = self.monotonic()
            raise

    def left_of(self, connection: Connection, lease: timedelta) -> timedelta:
        """How long the lease of what the worker holds will last at least, as far as this replica knows.

        One that holds nothing has all of it: what it is given next will be given after this.
        """
        now = self.monotonic()
        if connection.worker.job_id is None:
            connection.leased_at = now
        return lease - timedelta(seconds=now - connection.leased_at)

    def heard_lately(self) -> list[Connection]:
        """Connections with a sign of life within the suspicion time."""
        return [connection for connection in self._by_id.values() if not self.is_silent(connection)]

    def idle_kinds(self) -> list[tuple[Kind, int]]:
        """Kinds of which a worker is idle, and how many are."""
        return [(kind, len(idle)) for kind, idle in self._idle.items() if idle]

    def idle(self, kind: Kind) -> Iterator[Connection]:
        """Idle workers of a kind; one that was silent for too long gets no new work until it is heard
        again.
        """
        for connection in self._idle.get(kind, {}).values():
            if connection.worker.id not in self.reserved and not self.is_silent(connection):
                yield connection

    def is_aware(self, worker_id: WorkerId, job_id: JobId, attempt: int) -> bool:
        """Whether the worker has been told of this attempt over its present stream, or came with it."""
        connection = self._by_id.get(worker_id)
        return connection is not None and (job_id, attempt) in connection.aware

    def send(self, worker_id: WorkerId, command: Command) -> bool:
        """Whether the command could be put on the worker's stream."""
        connection = self._by_id.get(worker_id)
        if connection is None:
            return False
        try:
            connection.link.send(command)
        except LinkClosed:
            return False
        return True

    def is_silent(self, connection: Connection) -> bool:
        """Whether it was not heard within the suspicion time."""
        return self.monotonic() - connection.heard_at > self.suspicion.total_seconds()

    def _sort(self, connection: Connection) -> None:
        self._set_idle(connection, idle=connection.worker.state is WorkerState.READY)

    def _set_idle(self, connection: Connection, *, idle: bool) -> None:
        of_kind = self._idle.setdefault(connection.kind, {})
        if idle:
            of_kind.setdefault(connection.worker.id, connection)
        else:
            of_kind.pop(connection.worker.id, None)
            if not of_kind:
                del self._idle[connection.kind]
