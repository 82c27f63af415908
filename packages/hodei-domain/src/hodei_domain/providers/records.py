"""What providers say of workers and of themselves."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from attrs import field, frozen

from hodei_domain.jobs.result import JobResult
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.kernel.values import copied


class PresenceState(Enum):
    """Whether what was made for a worker exists, as the engine sees it."""

    ABSENT = "ABSENT"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"


@frozen(kw_only=True)
class Presence:
    """How the engine sees a worker.

    `reason` is for people and results: oom, evicted, the registry's message …
    """

    state: PresenceState
    reason: str = ""
    exit_code: int | None = None


ABSENT = Presence(state=PresenceState.ABSENT)


@frozen(kw_only=True)
class FoundWorker:
    """Something in the engine that carries our marks. `database` is the id of the one that knows it, "" where
    it does not say.
    """

    worker_id: WorkerId
    started_at: datetime | None
    expires_at: datetime | None
    presence: Presence
    database: str = ""


@frozen(kw_only=True)
class Health:
    """What a probe found. `details` are facts for people: versions, addresses, free space."""

    healthy: bool
    message: str = ""
    details: Mapping[str, str] = field(factory=dict, converter=copied)


@frozen(kw_only=True)
class Usage:
    """What a worker uses now, its job included."""

    cpu_cores: float
    memory_bytes: int
    disk_bytes: int = 0
    network_sent_bytes: int = 0
    network_received_bytes: int = 0


@frozen(kw_only=True)
class WorkerSighting:
    """An event of the engine about a worker: it started, exited, is pulling its image …"""

    worker_id: WorkerId
    presence: Presence
    message: str = ""
    at: datetime


@frozen(kw_only=True)
class LeftEnd:
    """The end of an attempt that a worker knew and could not deliver any more.

    It holds for a log that is complete up to `next_sequence`. `started`: there was a process.
    """

    job_id: JobId
    attempt: int
    result: JobResult
    next_sequence: int
    started: bool = True
