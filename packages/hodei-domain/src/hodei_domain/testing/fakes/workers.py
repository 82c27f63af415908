"""Workers, their passwords and sessions in memory."""

from collections.abc import Collection, Sequence
from datetime import datetime

from attrs import evolve, frozen

from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.testing.fakes.holder import OfTransaction
from hodei_domain.workers.errors import WorkerChangedMeanwhile, WorkerNotFound
from hodei_domain.workers.otp import Otp
from hodei_domain.workers.ports import WorkerFilter
from hodei_domain.workers.session import Session
from hodei_domain.workers.worker import Worker


@frozen
class MemoryWorkers(OfTransaction):
    """WorkerStore."""

    async def get(self, id: WorkerId) -> Worker:
        """See WorkerStore."""
        worker = self.tables.workers.rows.get(id)
        if worker is None:
            raise WorkerNotFound(f"there is no worker {id}")
        return worker

    async def find(self, ids: Collection[WorkerId]) -> dict[WorkerId, Worker]:
        """See WorkerStore."""
        rows = self.tables.workers.rows
        return {id: rows[id] for id in sorted(set(ids)) if id in rows}

    async def lock(self, ids: Collection[WorkerId]) -> dict[WorkerId, Worker]:
        """See WorkerStore. The transaction holds the whole store."""
        return await self.find(ids)

    async def save(self, changes: Sequence[Change[Worker]]) -> None:
        """See WorkerStore."""
        moved = [change for change in changes if not change.is_same]
        for change in moved:
            stored = self.tables.workers.rows.get(change.after.id)
            if (0 if stored is None else stored.version) != change.base:
                raise self.refuse(WorkerChangedMeanwhile(f"worker {change.after.id} was saved meanwhile"))
        for change in moved:
            stored = self.tables.workers.rows.get(change.after.id)
            seen = None if stored is None else stored.last_heartbeat
            self.tables.workers.put(change.after.id, evolve(change.after, last_heartbeat=seen))
            self.tables.record(change.events)

    async def live(self) -> list[Worker]:
        """See WorkerStore."""
        return sorted((w for w in self.tables.workers.rows.values() if not w.is_over), key=_age)

    async def list_workers(self, filter: WorkerFilter) -> list[Worker]:
        """See WorkerStore."""
        matching = [w for w in self.tables.workers.rows.values() if _matches(w, filter)]
        return sorted(matching, key=_age, reverse=True)[: filter.limit]

    async def record_heartbeats(self, ids: Collection[WorkerId]) -> None:
        """See WorkerStore."""
        now = self.tables.now()
        for worker in (await self.find(ids)).values():
            self.tables.workers.put(worker.id, evolve(worker, last_heartbeat=now))


@frozen
class MemoryOtps(OfTransaction):
    """OtpStore."""

    async def put(self, otp: Otp) -> None:
        """See OtpStore."""
        self.tables.otps.put(otp.worker_id, otp)

    async def consume(self, worker_id: WorkerId, digest: bytes, at: datetime) -> bool:
        """See OtpStore."""
        otp = self.tables.otps.rows.get(worker_id)
        if otp is None or otp.refusal(digest, at) is not None:
            return False
        self.tables.otps.put(worker_id, evolve(otp, used_at=at))
        return True

    async def state(self, worker_id: WorkerId) -> Otp | None:
        """See OtpStore."""
        return self.tables.otps.rows.get(worker_id)


@frozen
class MemorySessions(OfTransaction):
    """SessionStore."""

    async def put(self, session: Session) -> None:
        """See SessionStore."""
        self.tables.sessions.put(session.worker_id, session)

    async def get(self, worker_id: WorkerId) -> Session | None:
        """See SessionStore."""
        return self.tables.sessions.rows.get(worker_id)


def _age(worker: Worker) -> tuple[datetime, WorkerId]:
    return (worker.created_at, worker.id)


def _matches(worker: Worker, filter: WorkerFilter) -> bool:
    unasked = filter.include_ended or not worker.is_over
    wanted = worker.state in filter.states if filter.states else unasked
    return wanted and (filter.provider_id is None or worker.provider_id == filter.provider_id)
