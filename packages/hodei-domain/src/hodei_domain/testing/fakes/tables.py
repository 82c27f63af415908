"""Tables in memory that can go back to where a transaction began."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from attrs import define, field, frozen

from hodei_domain.audit.record import AuditRecord
from hodei_domain.jobs.job import Attempt, Job
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.events import Event
from hodei_domain.kernel.ids import JobId, ProviderId, WorkerId, uuid7
from hodei_domain.logs.chunk import LogChunk
from hodei_domain.logs.ports import LogEnd
from hodei_domain.metrics.tally import Tally
from hodei_domain.metrics.usage import UsageSample
from hodei_domain.providers.provider import Provider
from hodei_domain.workers.otp import Otp
from hodei_domain.workers.session import Session
from hodei_domain.workers.worker import Worker

_NOTHING: Any = object()  # no row, where None may be one

K = TypeVar("K")
V = TypeVar("V")


class Table(Generic[K, V]):
    """Rows by key, with a journal of what they were when the transaction began."""

    def __init__(self) -> None:
        self.rows: dict[K, V] = {}
        self._before: dict[K, V] = {}

    def put(self, key: K, row: V) -> None:
        """Write a row."""
        self._before.setdefault(key, self.rows.get(key, _NOTHING))
        self.rows[key] = row

    def drop(self, key: K) -> None:
        """Delete a row, if it is there."""
        self._before.setdefault(key, self.rows.get(key, _NOTHING))
        self.rows.pop(key, None)

    def commit(self) -> None:
        """Forget how it was."""
        self._before.clear()

    def rollback(self) -> None:
        """Be as before."""
        for key, row in self._before.items():
            if row is _NOTHING:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        self._before.clear()


@frozen(kw_only=True)
class QueueRow:
    """A job's place in the queue."""

    job_id: JobId
    demand: DemandClass
    priority: int
    turn: int
    owner: str
    not_before: datetime | None
    queued_at: datetime
    raised_at: datetime

    @property
    def place(self) -> tuple[int, int, UUID]:
        """Sorts the queue."""
        return (-self.priority, self.turn, self.job_id)


@frozen
class LeaderRow:
    """Who holds a lease, in which epoch, until when."""

    holder: str
    epoch: int
    until: datetime


def real_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


@define
class Tables:
    """Everything a store keeps. `now` is the store's clock, `lease` what a new attempt gets."""

    now: Callable[[], datetime] = real_now
    lease: timedelta = timedelta(seconds=45)
    jobs: Table[JobId, Job] = field(factory=Table)
    queue: Table[JobId, QueueRow] = field(factory=Table)
    attempts: Table[tuple[JobId, int], Attempt] = field(factory=Table)
    leases: Table[tuple[JobId, int], datetime] = field(factory=Table)
    keys: Table[tuple[str, str], JobId] = field(factory=Table)
    classes: Table[str, DemandClass] = field(factory=Table)
    met: Table[str, datetime] = field(factory=Table)
    workers: Table[WorkerId, Worker] = field(factory=Table)
    otps: Table[WorkerId, Otp] = field(factory=Table)
    sessions: Table[WorkerId, Session] = field(factory=Table)
    providers: Table[ProviderId, Provider] = field(factory=Table)
    chunks: Table[tuple[JobId, int, int], LogChunk] = field(factory=Table)
    ends: Table[tuple[JobId, int], LogEnd] = field(factory=Table)
    outputs: Table[JobId, int] = field(factory=Table)
    audit: Table[UUID, AuditRecord] = field(factory=Table)
    leaders: Table[str, LeaderRow] = field(factory=Table)
    settings: Table[str, Any] = field(factory=Table)
    tallies: Table[Any, Tally] = field(factory=Table)
    usage: Table[Any, UsageSample] = field(factory=Table)
    recorded: int = 0
    looks: list[frozenset[UUID]] = field(factory=list)  # the records that each look at the news could see

    def all(self) -> tuple[Table[Any, Any], ...]:
        """Every table."""
        return (
            self.jobs,
            self.queue,
            self.attempts,
            self.leases,
            self.keys,
            self.classes,
            self.met,
            self.workers,
            self.otps,
            self.sessions,
            self.providers,
            self.chunks,
            self.ends,
            self.outputs,
            self.audit,
            self.leaders,
            self.settings,
            self.tallies,
            self.usage,
        )

    def record(self, events: tuple[Event, ...]) -> None:
        """Write events to the audit table."""
        for event in events:
            self.recorded += 1
            record = AuditRecord(
                id=uuid7(int(event.at.timestamp() * 1000), self.recorded),
                occurred_at=event.at,
                event_type=event.type,
                actor=event.actor,
                correlation_id=event.correlation_id,
                caller_correlation_id=event.caller_correlation_id,
                payload=event.payload(),
            )
            self.audit.put(record.id, record)
