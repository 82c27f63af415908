"""The product, broken on purpose, promise by promise: what the simulation must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from hodei_application.jobs.ledger import Arrival, Ledger
from hodei_application.jobs.report_attempt import RecordReports
from hodei_application.jobs.submit_job import SubmitJobs
from hodei_application.scheduling.destroyer import Destroyer
from hodei_application.scheduling.leadership import Leadership
from hodei_application.scheduling.timekeeper import Timekeeper
from hodei_application.workers import hello
from hodei_application.workers.redeliver import Redeliver
from hodei_domain.jobs.job import Attempt, Job
from hodei_domain.workers.worker import Worker
from hodei_worker.agent import Agent
from hodei_worker.spool import Spool

from simulation.run import Report, run_seed


@contextmanager
def _patched(*patches: tuple[Any, str, Any]) -> Iterator[None]:
    before = [(place, name, place.__dict__[name]) for place, name, _ in patches]
    try:
        for place, name, value in patches:
            setattr(place, name, value)
        yield
    finally:
        for place, name, value in before:
            setattr(place, name, value)


def no_epoch_check() -> AbstractContextManager[None]:
    """Nobody compares attempt numbers, nor workers: what is said of a job is said of its present attempt."""
    accept = Job._accept

    def any_attempt(self: Ledger, link: Any, report: Any) -> bool:
        job = self.jobs.get(report.job_id)
        return job is not None and job.worker_id is not None

    def accept_any(self: Job, attempt: int) -> Attempt:
        return accept(self, self.attempt)

    def any_live(job: Job | None, attempt: int, worker_id: Any) -> bool:
        return job is not None and job.worker_id is not None

    return _patched(
        (Ledger, "_is_live", any_attempt), (Job, "_accept", accept_any), (hello, "is_live", any_live)
    )


def ack_before_commit() -> AbstractContextManager[None]:
    """Ends and output are acknowledged as soon as they are judged, whether the commit follows or not."""
    record = RecordReports._record

    async def hasty(self: RecordReports, arrivals: Sequence[Arrival], *, fresh: bool) -> Any:
        async with self.begin() as tx:
            jobs = await tx.jobs.lock({arrival.report.job_id for arrival in arrivals})
        ledger = Ledger(jobs=dict(jobs), at=self.now(), jitter=self.jitter)
        for arrival in arrivals:
            ledger.enter(arrival)
        for link, chunk in ledger.chunks:
            ledger.stored(link, chunk, chunk.next_sequence)
        for arrival, ending in ledger.endings:
            ledger.finish(arrival, ending)
        for link, answer in ledger.answers():
            try:
                link.send(answer)
            except Exception:
                continue
        return await record(self, arrivals, fresh=fresh)

    return _patched((RecordReports, "_record", hasty))


def submitted_before_commit() -> AbstractContextManager[None]:
    """A submission is acknowledged although its commit failed."""
    submit = SubmitJobs._submit

    async def careless(self: SubmitJobs, submissions: Sequence[Any], *, at_once: bool) -> Any:
        rolled_back: list[Any] = []
        save = SubmitJobs._save

        async def note(self: SubmitJobs, tx: Any, created: Any, assigned: Any) -> None:
            rolled_back.append(created)
            await save(self, tx, created, assigned)

        try:
            with _patched((SubmitJobs, "_save", note)):
                return await submit(self, submissions, at_once=False)
        except Exception:
            from hodei_application.jobs.submit_job import Accepted, Submitted

            if not rolled_back or len(rolled_back[0]) != len(submissions):
                raise
            answers: list[Any] = [Submitted(change.after, duplicate=False) for change in rolled_back[0]]
            return Accepted(answers, [], [])

    return _patched((SubmitJobs, "_submit", careless))


def forgets_ids() -> AbstractContextManager[None]:
    """A submission is never recognised by its id or key before it is written."""
    judge = SubmitJobs._judge

    def new_each_time(self: SubmitJobs, submission: Any, named: Any, changes: Any) -> Any:
        from attrs import evolve

        unnamed = evolve(submission, job_id=None, idempotency_key=None)
        return judge(self, unnamed, evolve(named, by_id={}, by_key={}), changes)

    return _patched((SubmitJobs, "_judge", new_each_time))


def retries_what_must_not_run_twice() -> AbstractContextManager[None]:
    """A lost worker means another attempt, whatever the job says."""

    def lose(self: Job, attempt: int, *, at: Any, why: str) -> Any:
        from hodei_domain.jobs.result import JobResult, Reason

        self._accept(attempt)
        return self._back(JobResult(reason=Reason.WORKER_LOST, message=why), at, losses=self.losses + 1)

    return _patched((Job, "lose", lose))


def drops_output() -> AbstractContextManager[None]:
    """While the server is away what does not fit is dropped without a word."""

    def append(self: Spool, chunk: Any) -> None:
        if not (self._offline and self._held_bytes):
            kept(self, chunk)

    kept = Spool.append
    return _patched((Spool, "append", append))


def never_looks_at_clocks() -> AbstractContextManager[None]:
    """Nobody ends a job whose clocks ran out, or whose cancel is not confirmed."""

    async def enforce(self: Timekeeper, overdue: Any) -> None:
        return None

    return _patched((Timekeeper, "enforce", enforce))


def destroys_in_the_books_only() -> AbstractContextManager[None]:
    """A worker counts as destroyed although its machine still runs, and the janitor does not look."""
    from hodei_application.scheduling.janitor import Inventory

    async def destroy(self: Destroyer, worker: Worker, grace: Any = None) -> None:
        await self._confirm(worker.id)

    async def sweep(self: Inventory, provider: Any, plugin: Any) -> None:
        return None

    return _patched((Destroyer, "destroy", destroy), (Inventory, "sweep", sweep))


def judges_at_once() -> AbstractContextManager[None]:
    """A control plane that has just started takes the silence of its workers for their end."""
    from hodei_domain.testing.fakes.job_views import MemoryLeases

    async def none(self: Any, *_: Any) -> int:
        return 0

    # Leases are renewed by nobody, as if they had run out while the control plane was away.
    always = property(lambda self: True)
    return _patched((Leadership, "may_judge", always), (MemoryLeases, "renew", none))


def kills_at_reconnect() -> AbstractContextManager[None]:
    """An agent whose stream broke gives up what it runs."""

    def dying_hello(self: Agent) -> Any:
        if self._current is not None:
            self._current.stop("worker-lost", "the server was away", 0.0)
        return said(self)

    said = Agent.hello
    return _patched((Agent, "hello", dying_hello))


def never_tells_again() -> AbstractContextManager[None]:
    """What was given to a worker by a commit of which nobody heard is never sent."""
    return _patched((Redeliver, "is_due", lambda self, worker, job: False))


def waits_for_ever_for_a_stream() -> AbstractContextManager[None]:
    """A worker that has registered is waited for without a bound."""

    def is_late(self: Worker, now: Any) -> bool:
        return self.registered_at is None and before(self, now)

    before = Worker.is_late
    return _patched((Worker, "is_late", is_late))


def takes_all_for_its_own() -> AbstractContextManager[None]:
    """Whatever the engine has and the database does not know is destroyed at once."""
    from hodei_application.scheduling.janitor import Inventory, Orphan

    def orphan(self: Inventory, provider: Any, worker: Any, *, known: bool) -> Orphan:
        return Orphan(provider.name, worker, "nobody knows it")

    return _patched((Inventory, "_orphan", orphan))


def delivers_for_ever() -> AbstractContextManager[None]:
    """What comes back unstarted is tried again, however often that was for nothing."""
    from hodei_domain.jobs import job

    return _patched((job, "MOST_UNDELIVERED", 1 << 30))


MUTANTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        no_epoch_check,
        ack_before_commit,
        submitted_before_commit,
        forgets_ids,
        retries_what_must_not_run_twice,
        drops_output,
        never_looks_at_clocks,
        destroys_in_the_books_only,
        judges_at_once,
        kills_at_reconnect,
        never_tells_again,
        waits_for_ever_for_a_stream,
        takes_all_for_its_own,
        delivers_for_ever,
    )
}


def first_find(mutant: str, seeds: range) -> Report | None:
    """The report of the first seed in which the mutant breaks a promise; None if none does."""
    with MUTANTS[mutant]():
        for seed in seeds:
            report = run_seed(seed)
            if report.broken:
                return report
    return None
