"""What the workers room needs from a store. All belong to one transaction."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from attrs import field, frozen

from hodei_domain.kernel.change import Change
from hodei_domain.kernel.checks import whole
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.workers.otp import Otp
from hodei_domain.workers.session import Session
from hodei_domain.workers.worker import Worker, WorkerState


def _states(states: Iterable[WorkerState]) -> frozenset[WorkerState]:
    return frozenset(states)


@frozen(kw_only=True)
class WorkerFilter:
    """Which workers to list. Empty conditions hold for all; TERMINATED ones only where asked for."""

    states: frozenset[WorkerState] = field(default=frozenset(), converter=_states)
    provider_id: ProviderId | None = None
    include_ended: bool = False
    limit: int = field(default=100, validator=whole(1, 10_000))


class WorkerStore(Protocol):
    """Workers by id. Raises StoreUnavailable where the store cannot be reached."""

    async def get(self, id: WorkerId) -> Worker:
        """Read a worker, without a lock. Raises WorkerNotFound."""
        ...

    async def find(self, ids: Collection[WorkerId]) -> dict[WorkerId, Worker]:
        """Read many, without locks; absent ones are absent."""
        ...

    async def lock(self, ids: Collection[WorkerId]) -> dict[WorkerId, Worker]:
        """Read many and keep others from saving them until this transaction ends, in the order of the ids."""
        ...

    async def save(self, changes: Sequence[Change[Worker]]) -> None:
        """Write workers and their events, all or none; `last_heartbeat` is left as the store has it.

        Each change applies only over version `base`; otherwise raises WorkerChangedMeanwhile and nothing of
        this transaction may be committed. Changes with `is_same` write nothing.
        """
        ...

    async def live(self) -> list[Worker]:
        """All that are not TERMINATED, by created_at, then id."""
        ...

    async def list_workers(self, filter: WorkerFilter) -> list[Worker]:
        """Those that match, newest first (created_at, then id)."""
        ...

    async def record_heartbeats(self, ids: Collection[WorkerId]) -> None:
        """Note that these gave a sign just now, by the store's clock, in one statement.

        Versions stay as they are.
        """
        ...


class OtpStore(Protocol):
    """One-time passwords, one per worker."""

    async def put(self, otp: Otp) -> None:
        """Keep it in place of the worker's former one, used or not."""
        ...

    async def consume(self, worker_id: WorkerId, digest: bytes, at: datetime) -> bool:
        """Use it up: True for exactly one caller, and only if unused, unexpired and of this digest.

        One conditional UPDATE. Of two that race the second waits for the first's transaction and gets False
        if that commits.
        """
        ...

    async def state(self, worker_id: WorkerId) -> Otp | None:
        """What is kept, to explain a refusal."""
        ...


class SessionStore(Protocol):
    """Session digests, one per worker."""

    async def put(self, session: Session) -> None:
        """Keep it in place of the worker's former one."""
        ...

    async def get(self, worker_id: WorkerId) -> Session | None:
        """What is kept."""
        ...
