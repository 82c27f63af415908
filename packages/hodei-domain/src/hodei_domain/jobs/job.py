"""The job: a command to run for someone, from submission to its one end."""

from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from hodei_domain.jobs.attempt import Attempt, CancelWish, Progress
from hodei_domain.jobs.clocks import limit_of
from hodei_domain.jobs.demand import DemandClass, demand_of
from hodei_domain.jobs.errors import AlreadyEnded, IllegalMove, StaleAttempt
from hodei_domain.jobs.events import (
    JobAssigned,
    JobCancelled,
    JobCancelRequested,
    JobCreated,
    JobHeld,
    JobReleased,
    JobRetried,
    JobStatusChanged,
)
from hodei_domain.jobs.fingerprint import fingerprint_of
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.retry import MOST_UNDELIVERED, backoff, delivery_pause, is_tried_again
from hodei_domain.jobs.spec import JobSpec, OnWorkerLost
from hodei_domain.jobs.state import ACTIVE, LEGAL, OVER, JobState
from hodei_domain.kernel.change import Change, same
from hodei_domain.kernel.events import Event
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.kernel.instants import TICK, rising

__all__ = ["ACTIVE", "LEGAL", "OVER", "Attempt", "CancelWish", "Job", "JobState", "Progress"]

# ends that the platform gave an attempt; the worker may still come with its own, and is too late
_NOT_THE_WORKERS_WORD = frozenset({Reason.WORKER_LOST, Reason.GIVEN_BACK})


@frozen(kw_only=True)
class Job:
    """A command to run for someone. Each move returns a `Change`; an end state absorbs.

    `attempt` is the epoch: 0 before the first attempt, and every message about an attempt carries it.
    `current` is the newest attempt, kept after it ended. `changed_at` rises strictly with each move.
    `queued_at` is when it last entered the queue. `failures` counts against `spec.retry`, `losses` against
    `spec.max_losses`. A `held` job is never assigned until a person releases it. `turn` orders the queue
    within a priority. `correlation_id` is the caller's own.
    """

    id: JobId
    spec: JobSpec
    state: JobState = JobState.PENDING
    version: int = 1
    attempt: int = 0
    current: Attempt | None = None
    created_at: datetime
    changed_at: datetime
    queued_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    queued_by: str = ""
    correlation_id: str | None = None
    idempotency_key: str | None = None
    fingerprint: str = ""
    result: JobResult | None = None
    cancel_wish: CancelWish | None = None
    progress: Progress | None = None
    failures: int = 0
    losses: int = 0
    held: bool = False
    not_before: datetime | None = None
    rerun_of: JobId | None = None
    turn: int = 0

    @classmethod
    def submit(
        cls,
        id: JobId,
        spec: JobSpec,
        *,
        at: datetime,
        queued_by: str = "",
        correlation_id: str | None = None,
        idempotency_key: str | None = None,
        rerun_of: JobId | None = None,
        turn: int = 0,
        fingerprint: str | None = None,
    ) -> "Change[Job]":
        """A new job in the queue. `fingerprint` spares the work where the caller has made it already."""
        job = cls(
            id=id,
            spec=spec,
            created_at=at,
            changed_at=at,
            queued_at=at,
            queued_by=queued_by,
            correlation_id=correlation_id,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint_of(spec) if fingerprint is None else fingerprint,
            rerun_of=rerun_of,
            turn=turn,
        )
        created = JobCreated(
            at=at,
            correlation_id=str(id),
            actor=queued_by or None,
            caller_correlation_id=correlation_id,
            name=spec.name,
            command=spec.command,
            priority=spec.priority.name,
            queued_by=queued_by,
            demand=job.demand.key,
            rerun_of=None if rerun_of is None else str(rerun_of),
        )
        return Change(job, (created,), 0)

    @property
    def key(self) -> tuple[str, str] | None:
        """Owner and idempotency key: each owner has keys of its own."""
        return None if self.idempotency_key is None else (self.queued_by, self.idempotency_key)

    @property
    def demand(self) -> DemandClass:
        """The class of workers that can serve it."""
        return demand_of(self.spec)

    @property
    def is_over(self) -> bool:
        """Whether it has its end."""
        return self.state in OVER

    @property
    def is_queued(self) -> bool:
        """Whether it may be claimed once `not_before` has passed."""
        return self.state is JobState.PENDING and not self.held

    @property
    def worker_id(self) -> WorkerId | None:
        """The worker that holds it, while it is scheduled or running."""
        return self.current.worker_id if self.current is not None and self.state in ACTIVE else None

    @property
    def undelivered(self) -> int:
        """How many attempts in a row, up to now, came back without having started."""
        current = self.current
        if current is None or current.started_at is not None:
            return 0
        given_back = current.result is not None and current.result.reason == Reason.GIVEN_BACK
        return current.undelivered + 1 if given_back else 0

    def assign(
        self, worker: WorkerId, *, at: datetime, score: float = 0.0, reasons: tuple[str, ...] = ()
    ) -> "Change[Job]":
        """Give the next attempt to a worker. Raises IllegalMove unless the job is queued."""
        if not self.is_queued:
            raise IllegalMove(
                f"job {self.id} cannot be assigned: it is {'held' if self.held else self.state}"
            )
        at = rising(at, self.changed_at)
        number = self.attempt + 1
        attempt = Attempt(
            number=number,
            worker_id=worker,
            assigned_at=at,
            decision_score=score,
            decision_reasons=reasons,
            undelivered=self.undelivered,
        )
        assigned = self._tell(JobAssigned, at, worker_id=str(worker), attempt=number)
        return self._move(
            JobState.SCHEDULED,
            at,
            (assigned,),
            attempt=number,
            current=attempt,
            not_before=None,
            progress=None,
        )

    def start(self, attempt: int, *, at: datetime, pid: int | None = None, limits: str = "") -> "Change[Job]":
        """The process runs. Saying so twice changes nothing. Raises StaleAttempt, AlreadyEnded."""
        current = self._accept(attempt)
        if self.state is JobState.RUNNING:
            return same(self)
        at = rising(at, self.changed_at)
        started = evolve(current, started_at=at, pid=pid, limits=limits)
        return self._move(
            JobState.RUNNING, at, (self._moved(JobState.RUNNING, at),), current=started, started_at=at
        )

    def finish(
        self, attempt: int, result: JobResult, *, at: datetime, jitter: float = 0.5, retry: bool = True
    ) -> "Change[Job]":
        """The worker says how the attempt ended: an end, or back to the queue by the retry rules; without
        `retry` an end in any case.

        With a cancel wish all but a success ends CANCELLED. `jitter` (0 to 1) is the random part of the
        backoff. Raises StaleAttempt, and AlreadyEnded if this attempt's end is known.
        """
        self._accept(attempt)
        if result.is_success:
            if self.state is JobState.SCHEDULED:  # older workers do not tell of the start
                started = self.start(attempt, at=at)
                return started.then(lambda job: job.finish(attempt, result, at=at))
            return self._end(JobState.SUCCEEDED, result, at)
        if self.cancel_wish is not None or result.reason == Reason.CANCELLED:
            return self._end(JobState.CANCELLED, evolve(result, reason=Reason.CANCELLED), at)
        if result.reason == Reason.WORKER_LOST:
            return self.lose(attempt, at=at, why=result.message)
        failures = self.failures + 1
        if retry and is_tried_again(self.spec.retry, failures, result):
            at = rising(at, self.changed_at)
            due = at + backoff(self.spec.retry, failures, jitter)
            return self._back(result, at, failures=failures, not_before=due)
        return self._end(
            JobState.TIMEOUT if result.is_timeout else JobState.FAILED, result, at, failures=failures
        )

    def cancel(self, *, at: datetime, by: str = "", reason: str = "") -> "Change[Job]":
        """Stop it: at once in the queue, else as a wish that its worker is told of. Twice is not an error.

        Raises IllegalMove if it has another end.
        """
        if self.state is JobState.CANCELLED or self.cancel_wish is not None:
            return same(self)
        if self.state in OVER:
            raise IllegalMove(f"job {self.id} cannot be cancelled: it is {self.state}")
        at = rising(at, self.changed_at)
        wish = CancelWish(asked_at=at, by=by, reason=reason)
        if self.state is JobState.PENDING:
            return evolve(self, cancel_wish=wish)._end(
                JobState.CANCELLED, JobResult(reason=Reason.CANCELLED, message=reason), at
            )
        asked = JobCancelRequested(
            at=at,
            correlation_id=str(self.id),
            caller_correlation_id=self.correlation_id,
            actor=by or None,
            attempt=self.attempt,
            reason=wish.reason,
        )
        return self._with(at, (asked,), cancel_wish=wish)

    def lose(self, attempt: int, *, at: datetime, why: str) -> "Change[Job]":
        """The worker is gone and nobody knows what became of the attempt: the job's policy decides.

        Raises StaleAttempt, AlreadyEnded.
        """
        self._accept(attempt)
        if self.cancel_wish is not None:
            return self._end(JobState.CANCELLED, JobResult(reason=Reason.CANCELLED, message=why), at)
        losses = self.losses + 1
        result = JobResult(reason=Reason.WORKER_LOST, message=why)
        policy = self.spec.on_worker_lost
        if policy is OnWorkerLost.HOLD:
            return self._back(result, at, losses=losses, held=True)
        if policy is OnWorkerLost.RETRY and losses <= self.spec.max_losses:
            return self._back(result, at, losses=losses)
        return self._end(JobState.FAILED, result, at, losses=losses)

    def give_back(
        self,
        attempt: int,
        *,
        at: datetime,
        why: str,
        not_before: datetime | None = None,
        again: bool = True,
    ) -> "Change[Job]":
        """The attempt certainly never started: back to the queue, at no budget's cost, after a pause that
        grows. The tenth in a row, or one that is not to be made `again`, ends the job.

        Raises StaleAttempt, AlreadyEnded, and IllegalMove if it did start.
        """
        current = self._accept(attempt)
        if self.state is JobState.RUNNING:
            raise IllegalMove(f"job {self.id} cannot be given back: attempt {attempt} has started")
        if self.cancel_wish is not None:
            return self._end(JobState.CANCELLED, JobResult(reason=Reason.CANCELLED, message=why), at)
        undelivered = current.undelivered + 1
        if undelivered >= MOST_UNDELIVERED or not again:
            times = f"after {undelivered} tries in a row, the last one: " if undelivered > 1 else ""
            return self._end(JobState.FAILED, JobResult(reason=Reason.UNDELIVERABLE, message=times + why), at)
        pause = delivery_pause(undelivered)
        due = max(filter(None, (not_before, at + pause if pause else None)), default=None)
        return self._back(JobResult(reason=Reason.GIVEN_BACK, message=why), at, not_before=due)

    def give_up(self, result: JobResult, *, at: datetime) -> "Change[Job]":
        """End a queued job that nothing can serve (its image cannot be pulled).

        Raises IllegalMove unless PENDING.
        """
        if self.state is not JobState.PENDING:
            raise IllegalMove(f"job {self.id} cannot be given up: it is {self.state}")
        return self._end(JobState.FAILED, result, at)

    def expire(self, clock: str, *, at: datetime, message: str = "") -> "Change[Job]":
        """End it because a clock ran out (or, with Reason.CANCELLED, the bound of its cancel wish).

        TIMEOUT with the clock as reason, CANCELLED where there is a wish. The worker is not asked. Raises
        IllegalMove if the job is over or that clock does not run now.
        """
        if limit_of(self, clock) is None:
            raise IllegalMove(f"job {self.id} cannot end by {clock}: it is {self.state}")
        if self.cancel_wish is not None:
            return self._end(JobState.CANCELLED, JobResult(reason=Reason.CANCELLED, message=message), at)
        return self._end(JobState.TIMEOUT, JobResult(reason=clock, message=message), at)

    def report(self, attempt: int, progress: Progress, *, at: datetime) -> "Change[Job]":
        """Keep how far it says it is; brings no event. Raises StaleAttempt, AlreadyEnded."""
        self._accept(attempt)
        return self._with(rising(at, self.changed_at), (), progress=progress)

    def release(self, *, at: datetime, by: str = "") -> "Change[Job]":
        """Put a held job back into the queue. Raises IllegalMove if it is not held."""
        if not self.held:
            raise IllegalMove(f"job {self.id} is not held: it is {self.state}")
        at = rising(at, self.changed_at)
        released = JobReleased(
            at=at, correlation_id=str(self.id), caller_correlation_id=self.correlation_id, actor=by or None
        )
        return self._with(at, (released,), held=False, queued_at=at)

    def _accept(self, attempt: int) -> Attempt:
        """The running attempt, if `attempt` is its number."""
        current = self.current
        if current is None or attempt != self.attempt:
            raise StaleAttempt(f"job {self.id}: attempt {attempt} is not its attempt {self.attempt}")
        if self.state in ACTIVE:
            return current
        result = current.result
        if self.state in OVER or (result is not None and result.reason not in _NOT_THE_WORKERS_WORD):
            raise AlreadyEnded(f"job {self.id}: attempt {attempt} has ended already")
        raise StaleAttempt(f"job {self.id}: attempt {attempt} was taken away")

    def _end(self, to: JobState, result: JobResult, at: datetime, **fields: Any) -> "Change[Job]":
        at = rising(at, self.changed_at)
        events: tuple[Event, ...] = (self._moved(to, at, result),)
        if to is JobState.CANCELLED:
            wish = self.cancel_wish or CancelWish(asked_at=at, reason=result.message)
            events += (
                self._tell(JobCancelled, at + TICK, actor=wish.by or None, by=wish.by, reason=wish.reason),
            )
        return self._move(
            to,
            events[-1].at,
            events,
            current=self._ended(result, at),
            completed_at=at,
            result=result,
            held=False,
            not_before=None,
            **fields,
        )

    def _back(self, result: JobResult, at: datetime, **fields: Any) -> "Change[Job]":
        at = rising(at, self.changed_at)
        events: tuple[Event, ...] = (self._moved(JobState.PENDING, at, result),)
        if fields.get("held"):
            events += (self._tell(JobHeld, at + TICK, attempt=self.attempt, why=result.message),)
        elif result.reason != Reason.GIVEN_BACK:
            due = fields.get("not_before")
            retried = self._tell(
                JobRetried, at + TICK, attempt=self.attempt, why=result.reason, not_before=due
            )
            events += (retried,)
        return self._move(
            JobState.PENDING,
            events[-1].at,
            events,
            current=self._ended(result, at),
            queued_at=at,
            started_at=None,
            progress=None,
            **fields,
        )

    def _ended(self, result: JobResult, at: datetime) -> Attempt | None:
        if self.current is None or self.state not in ACTIVE:
            return self.current
        return evolve(self.current, ended_at=at, result=result)

    def _moved(self, to: JobState, at: datetime, result: JobResult | None = None) -> JobStatusChanged:
        return JobStatusChanged(
            at=at,
            correlation_id=str(self.id),
            caller_correlation_id=self.correlation_id,
            old_state=self.state.value,
            new_state=to.value,
            attempt=self.attempt,
            exit_code=None if result is None else result.exit_code,
            reason=None if result is None else str(result.reason),
        )

    def _tell(self, event: Any, at: datetime, **told: Any) -> Any:
        return event(at=at, correlation_id=str(self.id), caller_correlation_id=self.correlation_id, **told)

    def _move(self, to: JobState, at: datetime, events: tuple[Event, ...], **fields: Any) -> "Change[Job]":
        if to not in LEGAL[self.state]:  # the one transition table
            raise IllegalMove(f"job {self.id}: {self.state} to {to}")
        return self._with(at, events, state=to, **fields)

    def _with(self, at: datetime, events: tuple[Event, ...], **fields: Any) -> "Change[Job]":
        after = evolve(self, version=self.version + 1, changed_at=at, **fields)
        return Change(after, events, self.version)
