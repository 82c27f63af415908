"""Submit jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, evolve, field, frozen
from hodei_domain.jobs.errors import JobAlreadyExists
from hodei_domain.jobs.fingerprint import fingerprint_of
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.order import check_order
from hodei_domain.jobs.spec import JobSpec
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.checks import check_text
from hodei_domain.kernel.errors import HodeiError, InvalidInput
from hodei_domain.kernel.ids import JobId
from hodei_domain.scheduling.order import FairOrder

from hodei_application.group_commit import GroupCommit
from hodei_application.jobs.moves import Moves
from hodei_application.ports import Clock, NewId, Transaction, UnitOfWork
from hodei_application.repeat import repeat
from hodei_application.scheduling.dispatcher import Assigned, Dispatcher
from hodei_application.signals import WORK, Signals

OWNERS_KEPT = 10_000
"""Owners whose last turn was read once; beyond that some are read again, which costs a query and changes
nothing.
"""


@frozen(kw_only=True)
class Submission:
    """What somebody wants to be run.

    With `job_id` or `idempotency_key`, which is its owner's own, the same submission twice is one job.
    `correlation_id` is the caller's own.
    """

    spec: JobSpec
    job_id: JobId | None = None
    idempotency_key: str | None = None
    queued_by: str = ""
    correlation_id: str | None = None
    rerun_of: JobId | None = None

    def __attrs_post_init__(self) -> None:
        check_text(self.queued_by, "queued_by", 256)
        check_text(self.correlation_id or "", "correlation_id", 256)
        check_text(self.idempotency_key or "", "idempotency_key", 256)
        check_order(self.spec)

    @property
    def key(self) -> tuple[str, str] | None:
        """Owner and idempotency key, as Job.key."""
        return (self.queued_by, self.idempotency_key) if self.idempotency_key else None


@frozen
class Submitted:
    """The job; `duplicate` when it was there before."""

    job: Job
    duplicate: bool


@define(eq=False)
class Turns:
    """Fair turns for new jobs, continued from what the store knows of an owner that is new here."""

    order: FairOrder
    _known: dict[str, None] = field(factory=dict, init=False)

    async def prepare(self, tx: Transaction, owners: set[str]) -> None:
        """Read the last turns of owners that were not met yet."""
        new = owners - self._known.keys()
        if not new:
            return
        self.order.learn(await tx.queue.last_turns(new), await tx.queue.lowest_turns())
        self._known.update(dict.fromkeys(new))
        if len(self._known) > OWNERS_KEPT:
            self._known.clear()
            self.order.forget()


@frozen
class Accepted:
    """What a transaction made of a batch: an answer for each, the new jobs, and those that idle workers
    took at once.
    """

    answers: list[Submitted | HodeiError]
    created: Sequence[Change[Job]]
    assigned: Sequence[Assigned]


@frozen
class _Named:
    """What the submissions of a batch name: jobs that are there, by id and by idempotency key, and providers
    that are not, with the words for it.
    """

    by_id: dict[JobId, Job]
    by_key: dict[tuple[str, str], Job]
    no_providers: Mapping[str, str]


@frozen(kw_only=True)
class SubmitJobs:
    """Submit many, in one transaction; each gets its own answer.

    The answer is the job, also when the same submission made it earlier (by id or by key); JobAlreadyExists
    when its id or key belongs to a submission that says something else, for nothing is ever overwritten; or
    InvalidInput when it demands a provider that there is not.

    A job that finds nothing waiting and a worker idle here is given to it in the same transaction.
    """

    begin: UnitOfWork
    now: Clock
    new_id: NewId
    turns: Turns
    moves: Moves
    dispatcher: Dispatcher
    signals: Signals

    async def __call__(self, submissions: Sequence[Submission]) -> list[Submitted | HodeiError]:
        at_once = True

        async def transact() -> Accepted:
            nonlocal at_once
            first, at_once = at_once, False  # a worker that was not idle after all: the queue is always right
            return await self._submit(submissions, at_once=first)

        accepted = await repeat(transact)
        self.moves(change.after for change in accepted.created)
        try:
            await self.dispatcher.deliver(accepted.assigned)
        finally:
            self.dispatcher.unreserve(accepted.assigned)
        self.dispatcher.look(a.job for a in accepted.answers if isinstance(a, Submitted) and not a.duplicate)
        self.signals.tell_others(WORK)
        return accepted.answers

    async def _submit(self, submissions: Sequence[Submission], *, at_once: bool) -> Accepted:
        ids = {s.job_id for s in submissions if s.job_id is not None}
        keys = {key for s in submissions if (key := s.key) is not None}
        assigned: list[Assigned] = []
        try:
            async with self.begin() as tx:
                by_id = await tx.jobs.find(ids) if ids else {}
                by_key = await tx.jobs.by_idempotency(keys) if keys else {}
                await self.turns.prepare(tx, {s.queued_by for s in submissions})
                created: list[Change[Job]] = []
                named = _Named(by_id, by_key, await _unknown_providers(tx, submissions))
                answers = [self._judge(submission, named, created) for submission in submissions]
                if at_once:
                    assigned = self.dispatcher.take_at_once(created)
                await self._save(tx, created, assigned)
        except BaseException:
            self.dispatcher.unreserve(assigned)
            raise
        given = {a.job.after.id: a.job.after for a in assigned}
        answers = [_with_newest(answer, given) for answer in answers]
        return Accepted(answers, created, assigned)

    async def _save(
        self, tx: Transaction, created: Sequence[Change[Job]], assigned: Sequence[Assigned]
    ) -> None:
        if not created:
            return
        given = {a.job.after.id: a.job for a in assigned}
        await tx.jobs.save([given.get(change.after.id, change) for change in created])
        if assigned:
            await tx.workers.save([a.worker for a in assigned])

    def _judge(
        self, submission: Submission, named: _Named, changes: list[Change[Job]]
    ) -> Submitted | HodeiError:
        fingerprint = fingerprint_of(submission.spec)
        key = submission.key
        found = [named.by_id.get(submission.job_id)] if submission.job_id is not None else []
        found += [named.by_key.get(key)] if key is not None else []
        for job in found:
            if job is not None:
                return _same_or_other(job, fingerprint, submission)
        if submission.spec.provider in named.no_providers:
            return InvalidInput(named.no_providers[submission.spec.provider], field="provider")
        change = Job.submit(
            submission.job_id or JobId(self.new_id()),
            submission.spec,
            at=self.now(),
            queued_by=submission.queued_by,
            correlation_id=submission.correlation_id,
            idempotency_key=submission.idempotency_key or None,
            rerun_of=submission.rerun_of,
            turn=self.turns.order.give(submission.queued_by, submission.spec.priority),
            fingerprint=fingerprint,
        )
        changes.append(change)
        if submission.job_id is not None:  # twice in one batch is one job, too
            named.by_id[submission.job_id] = change.after
        if key is not None:
            named.by_key[key] = change.after
        return Submitted(change.after, duplicate=False)


async def _unknown_providers(tx: Transaction, submissions: Sequence[Submission]) -> dict[str, str]:
    """The providers that these demand and that there are not: such a job would wait for a typing error."""
    demanded = {s.spec.provider for s in submissions} - {""}
    if not demanded:
        return {}
    present = [provider.name for provider in await tx.providers.list_all()]
    there_are = f"there are {', '.join(present)}" if present else "there are none"
    return {name: f"there is no provider {name!r}; {there_are}" for name in demanded.difference(present)}


def _with_newest(answer: Submitted | HodeiError, given: Mapping[JobId, Job]) -> Submitted | HodeiError:
    if isinstance(answer, HodeiError) or answer.job.id not in given:
        return answer
    return evolve(answer, job=given[answer.job.id])


def _same_or_other(job: Job, fingerprint: str, submission: Submission) -> Submitted | HodeiError:
    other_id = submission.job_id is not None and submission.job_id != job.id
    if job.fingerprint == fingerprint and job.rerun_of == submission.rerun_of and not other_id:
        return Submitted(job, duplicate=True)
    what = "id" if submission.job_id == job.id else "idempotency key"
    return JobAlreadyExists(f"job {job.id} has this {what} and says something else")


@frozen
class SubmitJob:
    """Submit one; many callers share a transaction. Raises JobAlreadyExists."""

    commit: GroupCommit[Submission, Submitted]

    async def __call__(self, submission: Submission) -> Submitted:
        return await self.commit(submission)
