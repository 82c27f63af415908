"""Gives waiting jobs to idle workers whose streams this replica holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from attrs import define, evolve, field, frozen
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.views import WaitingClass
from hodei_domain.kernel.change import A, Change
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.scheduling.choose import WorkerStrategy
from hodei_domain.scheduling.order import FairOrder
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_application.jobs.moves import Moves
from hodei_application.ports import Clock, Transaction, UnitOfWork
from hodei_application.repeat import repeat
from hodei_application.scheduling.hot_classes import HotClasses
from hodei_application.scheduling.kinds import Kind, Kinds
from hodei_application.scheduling.live_config import LiveConfig
from hodei_application.scheduling.match import COMPARED, FIRST_REASON, Match, match_jobs
from hodei_application.scheduling.pool_terms import PoolTerms
from hodei_application.signals import Signals
from hodei_application.workers.connected import ConnectedWorkers, Connection
from hodei_application.workers.link import LinkClosed, Undeliverable

log = logging.getLogger("hodei.scheduling")

LARGEST_CLAIM = 256
BROKEN = "its worker's stream broke"


@frozen
class Group:
    """Kinds of idle workers that can serve the same waiting classes: they share one claim."""

    classes: tuple[str, ...]
    kinds: tuple[Kind, ...]
    size: int


@frozen
class Assigned:
    """A job and the worker that took it, as they are to be saved; the lease begins at `leased_at` (monotonic,
    seconds) at the earliest.
    """

    connection: Connection
    job: Change[Job]
    worker: Change[Worker]
    leased_at: float


@frozen
class Returned:
    """An attempt that its worker was not told of, and why; not `again`: no worker can be."""

    given: Assigned
    why: str
    again: bool = True


@frozen(kw_only=True)
class Claimed:
    """What a claim came to: jobs with their workers, workers that take none as we read them, and connections
    whose worker's row somebody deleted.
    """

    assigned: Sequence[Assigned] = ()
    refused: Sequence[Worker] = ()
    unknown: Sequence[Connection] = ()


@define(eq=False, kw_only=True)
class Dispatcher:
    """The loop that claims. Jobs are offered to idle workers in as few claims as there are different kinds
    of workers.

    The queue is asked only for classes that something told of (a submission, a worker that became free
    while classes were hot) or at a poll, and never while no worker is idle here. What no idle worker serves
    is left to the provisioner.
    """

    begin: UnitOfWork
    now: Clock
    monotonic: Callable[[], float]
    poll: timedelta
    connected: ConnectedWorkers
    kinds: Kinds
    config: LiveConfig
    terms: PoolTerms
    turns: FairOrder
    moves: Moves
    signals: Signals
    hot: HotClasses = field(factory=HotClasses, init=False)
    paused: bool = field(default=False, init=False)
    _looked_at: float = field(default=float("-inf"), init=False)
    _choices: int = field(default=0, init=False)

    def look(self, jobs: Iterable[Job] = ()) -> None:
        """Wake up: these jobs moved (those that are queued now are offered), or a worker became free."""
        for job in jobs:
            if not job.is_queued:
                continue
            if job.not_before is None:
                self.hot.learn(job.demand)
            else:
                self.hot.learn_later(job.demand, job.not_before)
        self.signals.work()

    async def step(self) -> timedelta | None:
        """Serve all that can be served now; how long until a job becomes due."""
        pause = self.hot.ripen(self.now())
        while not self.paused and self.connected.idle_kinds():
            if self.signals.look_around or self._is_poll_due():
                await self._look_at_queue()
            groups = self._groups(self.connected.idle_kinds())
            if not groups or not await self._serve(groups):
                break
        if self.signals.look_around and not self.paused:  # no worker here is idle: others may have to be made
            self.signals.look_around = False
            self.signals.demand()
        if self.hot and not self.paused:
            self.signals.demand()
        return pause

    async def _look_at_queue(self) -> None:
        self.signals.look_around = False
        generation = self.hot.generation
        async with self.begin() as tx:
            waiting = await tx.queue.waiting(1)
        self.believe(waiting, generation)

    def believe(self, waiting: Iterable[WaitingClass], generation: int) -> None:
        """Take over what somebody saw who began to look at the whole queue at this generation of `hot`."""
        self._looked_at = self.monotonic()
        self.hot.replace([entry.demand for entry in waiting], generation)

    def _is_poll_due(self) -> bool:
        # The loop's waits are jittered by a quarter; a poll that came a little early must not be put off by
        # a turn.
        return self.monotonic() - self._looked_at >= 0.7 * self.poll.total_seconds()

    def take_at_once(self, submitted: Sequence[Change[Job]]) -> list[Assigned]:
        """Reserve idle workers for jobs that are just being submitted, while nothing waits that could be
        overtaken.

        These need not go through the queue. The caller saves both, commits, delivers and ends the
        reservation.
        """
        first = self.config.now.worker_strategy is WorkerStrategy.FIRST_AVAILABLE
        if self.paused or self.hot or not first:
            return []
        taken: list[Assigned] = []
        for change in submitted:
            connection = self._idle_for(change.after.demand)
            if connection is None:
                continue
            worker = connection.worker
            given = self._assign(Match(change.after, connection, 1.0, FIRST_REASON), {worker.id: worker})
            if given is not None:
                self.connected.reserved.add(worker.id)
                taken.append(evolve(given, job=_joined(change, given.job)))
        return taken

    def unreserve(self, assigned: Iterable[Assigned]) -> None:
        """They have their job now, or are idle again."""
        self.connected.reserved.difference_update(a.connection.worker.id for a in assigned)

    def _idle_for(self, demand: DemandClass) -> Connection | None:
        for kind, _ in self.connected.idle_kinds():
            if self.kinds.can(kind, demand):
                connection = next(self.connected.idle(kind), None)
                if connection is not None:
                    return connection
        return None

    async def turn_over(self, tx: Transaction, freed: Sequence[Change[Worker]]) -> list[Assigned]:
        """Give the next jobs to workers that this transaction is about to free, so that a busy worker costs
        one transaction for each job and not two. The caller saves both, commits and delivers.
        """
        waiting = {change.after.id: change for change in freed if change.after.takes_work}
        idle: dict[Kind, list[Connection]] = {}
        for worker_id in waiting:
            connection = self.connected.get(worker_id)
            if connection is not None:
                idle.setdefault(connection.kind, []).append(connection)
        groups = self._groups([(kind, len(connections)) for kind, connections in idle.items()])
        if self.paused or not groups:
            return []
        matches = await self._match(
            tx, groups, self.hot.generation, lambda group, _: [c for kind in group.kinds for c in idle[kind]]
        )
        workers = {worker_id: change.after for worker_id, change in waiting.items()}
        taken = [a for match in matches if (a := self._assign(match, workers)) is not None]
        return [evolve(a, worker=_joined(waiting[a.worker.after.id], a.worker)) for a in taken]

    def _groups(self, idle: Iterable[tuple[Kind, int]]) -> list[Group]:
        groups: dict[tuple[str, ...], list[tuple[Kind, int]]] = {}
        for kind, count in idle:
            classes = tuple(demand.key for demand in self.hot if self.kinds.can(kind, demand))
            if classes:
                groups.setdefault(classes, []).append((kind, count))
        # Those that can serve the least choose first: the versatile are left for what nobody else can do.
        return [
            Group(classes, tuple(kind for kind, _ in kinds), sum(count for _, count in kinds))
            for classes, kinds in sorted(groups.items(), key=lambda group: len(group[0]))
        ]

    async def _serve(self, groups: Sequence[Group]) -> bool:
        """Claim for all groups in one transaction; whether anything was assigned and it pays to go on."""
        generation = self.hot.generation
        fresh = False

        async def transact() -> Claimed:
            nonlocal fresh
            again, fresh = fresh, True
            async with self.begin() as tx:
                return await self._claim(tx, groups, generation, fresh=again)

        claimed = await repeat(transact)
        self.connected.update(claimed.refused)
        for connection in claimed.unknown:
            self.connected.remove(connection.link)
            connection.link.close("the worker's row is gone")
        await self.deliver(claimed.assigned)
        return bool(claimed.assigned)

    async def _claim(
        self, tx: Transaction, groups: Sequence[Group], generation: int, *, fresh: bool
    ) -> Claimed:
        matches = await self._match(tx, groups, generation, self._idle)
        if not matches:
            return Claimed()
        workers = {match.connection.worker.id: match.connection.worker for match in matches}
        if fresh:  # our copies were outdated: the second try reads the rows
            workers = await tx.workers.lock(list(workers))
        assigned = [a for match in matches if (a := self._assign(match, workers)) is not None]
        await tx.jobs.save([a.job for a in assigned])
        await tx.workers.save([a.worker for a in assigned])
        taken = {a.worker.after.id for a in assigned}
        return Claimed(
            assigned=assigned,
            refused=[worker for worker in workers.values() if worker.id not in taken],
            unknown=[m.connection for m in matches if m.connection.worker.id not in workers],
        )

    async def _match(
        self,
        tx: Transaction,
        groups: Sequence[Group],
        generation: int,
        pick: Callable[[Group, int], list[Connection]],
    ) -> list[Match]:
        """Claim for each group and choose its workers among those that `pick` gives."""
        matches: list[Match] = []
        claimed: set[JobId] = set()
        for group in groups:
            # What another group has claimed in this transaction is ours already and comes again: ask beyond
            # it.
            limit = min(group.size, LARGEST_CLAIM) + len(claimed)
            found = await tx.queue.claim(group.classes, limit)
            if len(found) < limit:
                self.hot.exhausted(group.classes, generation)
            jobs = [job for job in found if job.id not in claimed]
            if jobs:
                idle = pick(group, len(jobs))
                matches += match_jobs(jobs, idle, self.config.now.worker_strategy, self._choices)
                claimed.update(job.id for job in jobs)
        self._choices += len(matches)
        return matches

    def _idle(self, group: Group, wanted: int) -> list[Connection]:
        """Enough idle workers to choose from; the strategies but the first compare some more."""
        first = self.config.now.worker_strategy is WorkerStrategy.FIRST_AVAILABLE
        enough = wanted if first else wanted + COMPARED
        return [c for kind in group.kinds for c in islice(self.connected.idle(kind), enough)]

    def _assign(self, match: Match, workers: dict[WorkerId, Worker]) -> Assigned | None:
        """None when the worker takes no work after all: somebody drained it, or gave it a job by hand."""
        worker = workers.get(match.connection.worker.id)
        if worker is None or worker.state is not WorkerState.READY:
            return None
        at, leased_at = self.now(), self.monotonic()
        job = match.job.assign(worker.id, at=at, score=match.score, reasons=match.reasons)
        number = job.after.attempt
        if worker.connected:
            return Assigned(match.connection, job, worker.take(job.after.id, number, at=at), leased_at)
        # The end of an older stream was recorded late, by another replica; the stream is here.
        bound = worker.bind(at=at)
        taken = bound.then(lambda w: w.take(job.after.id, number, at=at))
        return Assigned(match.connection, job, taken, leased_at)

    async def deliver(self, assigned: Sequence[Assigned]) -> None:
        """Send what was committed, unless Redeliver was quicker; give back what cannot be sent."""
        self.connected.update(given.worker.after for given in assigned)
        undelivered: list[Returned] = []
        for given in assigned:
            job = given.job.after
            given.connection.leased_at = max(given.connection.leased_at, given.leased_at)
            self.turns.reach(job.spec.priority, job.turn)
            if self._is_delivered(given):
                continue
            try:
                given.connection.run(job)
            except LinkClosed:
                self.connected.remove(given.connection.link)  # or it would be offered the next job at once
                undelivered.append(Returned(given, BROKEN))
            except Undeliverable as error:
                undelivered.append(Returned(given, error.message, error.again))
        self.moves(given.job.after for given in assigned)
        if assigned and self.terms.keep_any():
            self.signals.demand()  # there are fewer idle ones now than are to be kept
        if undelivered:
            await repeat(lambda: self._give_back(undelivered))

    def _is_delivered(self, given: Assigned) -> bool:
        return self.connected.is_aware(given.worker.after.id, given.job.after.id, given.job.after.attempt)

    def _requeue_at(self, at: datetime) -> datetime | None:
        delay = self.config.now.requeue_delay
        return at + delay if delay else None

    async def _give_back(self, undelivered: Sequence[Returned]) -> None:
        """Nobody told the worker: the attempt certainly never started."""
        async with self.begin() as tx:
            jobs = await tx.jobs.lock([each.given.job.after.id for each in undelivered])
            workers = await tx.workers.lock([each.given.worker.after.id for each in undelivered])
            at = self.now()
            returned, freed = [], []
            for each in undelivered:
                given = each.given
                if self._is_delivered(given):
                    continue
                job, worker = jobs.get(given.job.after.id), workers.get(given.worker.after.id)
                attempt = given.job.after.attempt
                if job is not None and job.attempt == attempt and job.worker_id is not None:
                    later = self._requeue_at(at)
                    returned.append(
                        job.give_back(attempt, at=at, why=each.why, not_before=later, again=each.again)
                    )
                if worker is not None and worker.job_id == given.job.after.id and worker.attempt == attempt:
                    freed.append(worker.free(at=at))
            await tx.jobs.save(returned)
            await tx.workers.save(freed)
        for change in returned:
            log.info("Job %s did not reach its worker: %s", change.after.id, _why_returned(change.after))
        self.connected.update(change.after for change in freed)
        moved = [change.after for change in returned]
        self.moves(moved)
        self.look(moved)


def _why_returned(job: Job) -> str:
    result = None if job.current is None else job.current.result
    return "" if result is None else f"{result.message}; it is {job.state} now"


def _joined(first: Change[A], second: Change[A]) -> Change[A]:
    """Two changes of one aggregate, the second on top of the first, as one."""
    return Change(second.after, first.events + second.events, first.base)
