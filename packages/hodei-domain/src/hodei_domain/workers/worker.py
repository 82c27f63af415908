"""The worker: an agent on some machine, from the wish for it to its end."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve, field, frozen

from hodei_domain.kernel.change import Change, same
from hodei_domain.kernel.converters import sentence
from hodei_domain.kernel.demand import ANY, DemandClass
from hodei_domain.kernel.events import Event
from hodei_domain.kernel.ids import JobId, ProviderId, WorkerId
from hodei_domain.kernel.instants import TICK, rising
from hodei_domain.kernel.values import UNKNOWN, Capacity, architecture_name, copied
from hodei_domain.workers.errors import IllegalWorkerMove, WorkerGone
from hodei_domain.workers.events import (
    WorkerDisconnected,
    WorkerProvisioned,
    WorkerReconnected,
    WorkerRegistered,
    WorkerStatusChanged,
    WorkerTerminated,
)
from hodei_domain.workers.spec import WorkerInfo
from hodei_domain.workers.state import GOING, LEGAL, STARTING, WorkerState

__all__ = ["BIND_WITHIN", "GOING", "LEGAL", "STARTING", "Worker", "WorkerState"]

BIND_WITHIN = timedelta(minutes=1)
"""From a worker's registration until its stream must be up. An agent opens it in the next moment."""


@frozen(kw_only=True)
class Worker:
    """An agent. Each move returns a `Change`; TERMINATED absorbs.

    `connected` says whether its stream is bound: READY without a stream gets no work. `provider_id` is None
    for one that was started by hand. `idle_since` is set while it is READY. `register_by` and `drain_by` are
    deadlines, `expires_at` ends its life in any case. `reason` says why it is going or gone. `last_heartbeat`
    is the store's to write.
    """

    id: WorkerId
    provider_id: ProviderId | None = None
    state: WorkerState = WorkerState.CREATING
    version: int = 1
    demand: DemandClass = ANY
    labels: Mapping[str, str] = field(factory=dict, converter=copied)
    capacity: Capacity = UNKNOWN
    architecture: str = ""
    name: str = ""
    hostname: str = ""
    agent_version: str = ""
    job_id: JobId | None = None
    attempt: int | None = None
    jobs_done: int = 0
    created_at: datetime
    changed_at: datetime
    registered_at: datetime | None = None
    last_heartbeat: datetime | None = None
    idle_since: datetime | None = None
    connected: bool = False
    expires_at: datetime | None = None
    register_by: datetime | None = None
    drain_by: datetime | None = None
    ended_at: datetime | None = None
    reason: str = field(default="", converter=sentence)

    @classmethod
    def provision(
        cls,
        id: WorkerId,
        *,
        at: datetime,
        provider_id: ProviderId | None = None,
        demand: DemandClass = ANY,
        labels: Mapping[str, str] | None = None,
        register_by: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> "Change[Worker]":
        """The intent to create a worker; it is written before the provider is called."""
        worker = cls(
            id=id,
            provider_id=provider_id,
            demand=demand,
            labels=labels or {},
            created_at=at,
            changed_at=at,
            register_by=register_by,
            expires_at=expires_at,
        )
        return Change(worker, (worker._tell(WorkerProvisioned, at, demand=demand.key),), 0)

    @property
    def is_over(self) -> bool:
        """Whether it is no more."""
        return self.state is WorkerState.TERMINATED

    @property
    def takes_work(self) -> bool:
        """Whether a job may be given to it now."""
        return self.state is WorkerState.READY and self.connected

    def is_late(self, now: datetime) -> bool:
        """Whether it should have come by now: registered, and bound its stream."""
        if self.state not in STARTING:
            return False
        due = self.register_by
        if due is None and self.registered_at is not None:  # written before there was this bound
            due = self.registered_at + BIND_WITHIN
        return due is not None and now >= due

    def created(self, *, at: datetime, register_by: datetime | None = None) -> "Change[Worker]":
        """The provider has made it, and it has to come until then. Changes nothing if it was quicker and
        registered already.
        """
        if self.state is not WorkerState.CREATING:
            return same(self)
        return self._move(WorkerState.CONNECTING, at, register_by=register_by or self.register_by)

    def register(self, info: WorkerInfo, *, at: datetime) -> "Change[Worker]":
        """The agent proved who it is, and has to bind its stream within BIND_WITHIN, however often it
        registers. Again after a lost stream: only what it says of itself is kept.

        Raises WorkerGone.
        """
        self._refuse_gone("register")
        at = rising(at, self.changed_at)
        told: dict[str, Any] = {
            "name": info.name,
            "hostname": info.hostname,
            "architecture": architecture_name(info.architecture),
            "agent_version": info.agent_version,
            "capacity": info.capacity,
            "labels": {**self.labels, **info.labels},
        }
        if self.state not in STARTING:
            return self._with(at, (), **told)
        registered = self._tell(
            WorkerRegistered,
            at,
            hostname=info.hostname,
            architecture=told["architecture"],
            agent_version=info.agent_version,
        )
        told["register_by"] = min(self.register_by or at + BIND_WITHIN, at + BIND_WITHIN)
        return self._with(at, (registered,), state=WorkerState.CONNECTING, registered_at=at, **told)

    def bind(self, *, at: datetime) -> "Change[Worker]":
        """Its stream is up: READY, or as it was with the job it holds.

        Raises WorkerGone, IllegalWorkerMove if unregistered.
        """
        self._refuse_gone("connect")
        if self.registered_at is None:
            raise IllegalWorkerMove(f"worker {self.id} must register before it connects")
        if self.state is WorkerState.CONNECTING:
            return self._move(WorkerState.READY, at, connected=True, register_by=None, idle_since=at)
        at = rising(at, self.changed_at)
        back = self._tell(WorkerReconnected, at, job_id=self._job_text())
        return self._with(at, (back,), connected=True)

    def disconnect(self, *, at: datetime) -> "Change[Worker]":
        """Its stream ended. What it runs goes on, and its lease decides."""
        if not self.connected:
            return same(self)
        at = rising(at, self.changed_at)
        lost = self._tell(WorkerDisconnected, at, job_id=self._job_text())
        return self._with(at, (lost,), connected=False)

    def take(self, job_id: JobId, attempt: int, *, at: datetime) -> "Change[Worker]":
        """Give it a job.

        Brings no event: JobAssigned tells it. Raises IllegalWorkerMove unless it takes work.
        """
        if not self.takes_work:
            raise IllegalWorkerMove(f"worker {self.id} takes no work: it is {self._standing()}")
        return self._with(
            rising(at, self.changed_at),
            (),
            state=WorkerState.BUSY,
            job_id=job_id,
            attempt=attempt,
            idle_since=None,
        )

    def free(self, *, at: datetime) -> "Change[Worker]":
        """Its job left it. Brings no event; changes nothing if it holds none."""
        if self.job_id is None:
            return same(self)
        at = rising(at, self.changed_at)
        done: dict[str, Any] = {"job_id": None, "attempt": None, "jobs_done": self.jobs_done + 1}
        if self.state is WorkerState.BUSY:
            done |= {"state": WorkerState.READY, "idle_since": at}
        return self._with(at, (), **done)

    def drain(self, *, at: datetime, deadline: datetime | None, why: str) -> "Change[Worker]":
        """No new work; it goes when its job is done, at the latest by `deadline`.

        One that never served goes at once.
        """
        if self.state in GOING or self.state is WorkerState.DRAINING:
            return same(self)
        if self.state in STARTING:
            return self.terminate(at=at, why=why)
        return self._move(WorkerState.DRAINING, at, drain_by=deadline, reason=why, idle_since=None)

    def terminate(self, *, at: datetime, why: str) -> "Change[Worker]":
        """The intent to destroy it; repeated until the provider confirms. Twice is not an error."""
        if self.state in GOING:
            return same(self)
        return self._move(WorkerState.TERMINATING, at, reason=why, idle_since=None)

    def ended(self, *, at: datetime, why: str = "") -> "Change[Worker]":
        """The provider says that it is no more.

        It keeps the job it held, for whoever looks for what was lost with it.
        """
        if self.is_over:
            return same(self)
        reason = self.reason or why
        gone = self._move(
            WorkerState.TERMINATED, at, ended_at=at, reason=reason, connected=False, idle_since=None
        )
        told = self._tell(
            WorkerTerminated, gone.after.changed_at + TICK, reason=reason, jobs_done=self.jobs_done
        )
        return Change(evolve(gone.after, changed_at=told.at), (*gone.events, told), gone.base)

    def _refuse_gone(self, what: str) -> None:
        if self.state in GOING:
            raise WorkerGone(f"worker {self.id} must not {what}: it is {self.state}")

    def _standing(self) -> str:
        return self.state if self.connected or self.state is not WorkerState.READY else "not connected"

    def _job_text(self) -> str | None:
        return None if self.job_id is None else str(self.job_id)

    def _tell(self, event: Any, at: datetime, **told: Any) -> Any:
        provider = None if self.provider_id is None else str(self.provider_id)
        return event(at=at, correlation_id=str(self.id), provider_id=provider, **told)

    def _move(self, to: WorkerState, at: datetime, **fields: Any) -> "Change[Worker]":
        if to not in LEGAL[self.state]:  # the one transition table
            raise IllegalWorkerMove(f"worker {self.id}: {self.state} to {to}")
        at = rising(at, self.changed_at)
        changed = self._tell(
            WorkerStatusChanged,
            at,
            old_state=self.state.value,
            new_state=to.value,
            reason=fields.get("reason", ""),
        )
        return self._with(at, (changed,), state=to, **fields)

    def _with(self, at: datetime, events: tuple[Event, ...], **fields: Any) -> "Change[Worker]":
        after = evolve(self, version=self.version + 1, changed_at=at, **fields)
        return Change(after, events, self.version)
