"""Bind a worker's stream."""

from __future__ import annotations

import logging
from datetime import timedelta

from attrs import frozen
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.errors import ChangedMeanwhile
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk
from hodei_domain.workers.errors import WorkerNotFound
from hodei_domain.workers.worker import STARTING, Worker

from hodei_application.jobs.cancel_job import cancel_command
from hodei_application.jobs.moves import Moves
from hodei_application.logs.legacy_log import LegacyLog
from hodei_application.logs.lost_output import mark_lost_output
from hodei_application.metrics.replica import Instruments
from hodei_application.ports import Clock, Transaction, UnitOfWork
from hodei_application.repeat import repeat
from hodei_application.scheduling.dispatcher import Dispatcher
from hodei_application.scheduling.kinds import Kinds
from hodei_application.workers.commands import Action, Answer, Welcome
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.hello import Hello, action_for, is_live
from hodei_application.workers.link import WorkerLink

log = logging.getLogger("hodei.workers")

FORGOTTEN = "it came back without the job"


@frozen
class Bound:
    """What binding found and did, to be told after the commit."""

    worker: Worker
    jobs: dict[JobId, Job]
    moved: tuple[Job, ...]
    answers: tuple[Answer, ...]
    mark: LogChunk | None
    is_new: bool = False  # made by a provider, and here for the first time


@frozen(kw_only=True)
class BindWorker:
    """A registered worker's stream is up: answer its hello, and count it among the idle if it holds nothing.

    Each attempt that it brings along is answered: go on (with the next log sequence to send), stop
    (superseded or over), or done (its end is recorded). A job that we gave it and that it does not know
    never reached it: that goes back to the queue, or counts as lost if it had started. Cancel wishes are
    sent again. An old worker says no hello; what our books say it runs goes on. Raises WorkerNotFound,
    WorkerGone, IllegalWorkerMove.
    """

    begin: UnitOfWork
    now: Clock
    connected: ConnectedWorkers
    moves: Moves
    dispatcher: Dispatcher
    kinds: Kinds
    heartbeat_interval: timedelta
    lease: timedelta
    instruments: Instruments

    async def __call__(self, hello: Hello, link: WorkerLink) -> Welcome:
        with self.connected.coming(hello.worker_id):
            leased_at = self.connected.monotonic()  # before the store's own clock says from when
            bound = await repeat(lambda: self._bind(hello, link.is_legacy))
            connection = self.connected.add(link, bound.worker, self.kinds.of(bound.worker), leased_at)
            connection.aware = frozenset((a.job_id, a.attempt) for a in hello.attempts)
        welcome = Welcome(bound.answers, self.heartbeat_interval, self.lease)
        if bound.is_new:
            came = self.now() - bound.worker.created_at
            provider = self.kinds.landscape.name(bound.worker.provider_id)
            self.instruments.provisioning_seconds.observe(came.total_seconds(), provider)
        log.info("Worker %s connected: %s", bound.worker.id, bound.worker.state)
        if not link.is_legacy:
            link.send(welcome)
        held = bound.jobs.get(bound.worker.job_id) if bound.worker.job_id is not None else None
        if held is not None and link.is_legacy:
            connection.aware = frozenset({(held.id, held.attempt)})
            connection.legacy_log = await self._resume(held)
        if held is not None and held.cancel_wish is not None:
            link.send(cancel_command(held))
        if bound.mark is not None:
            self.moves.logs.stored(bound.mark)
        self.moves(bound.moved)
        self.dispatcher.look(bound.moved)
        return welcome

    async def _bind(self, hello: Hello, is_legacy: bool) -> Bound:
        async with self.begin() as tx:
            known = (await tx.workers.find([hello.worker_id])).get(hello.worker_id)
            if known is None:
                raise WorkerNotFound(f"there is no worker {hello.worker_id}")
            ids = {attempted.job_id for attempted in hello.attempts}
            if known.job_id is not None:
                ids.add(known.job_id)
            jobs = await tx.jobs.lock(sorted(ids)) if ids else {}
            await tx.leases.renew([hello.worker_id], self.lease)
            worker = (await tx.workers.lock([hello.worker_id]))[hello.worker_id]
            if worker.job_id != known.job_id:
                raise ChangedMeanwhile(f"worker {worker.id} changed its job")
            bound = worker.bind(at=self.now())
            forgotten = None if is_legacy else self._forgotten(hello, worker, jobs)
            if self._holds_nothing(worker, jobs) or forgotten is not None:
                bound = bound.then(lambda w: w.free(at=self.now()))
            mark = None
            if forgotten is not None:
                mark = await self._mark(tx, worker, jobs[forgotten.after.id])
                await tx.jobs.save([forgotten])
                jobs[forgotten.after.id] = forgotten.after
            await tx.workers.save([bound])
            await tx.workers.record_heartbeats([worker.id])
            answers = await self._answers(tx, hello, jobs)
        moved = () if forgotten is None else (forgotten.after,)
        is_new = known.state in STARTING and known.provider_id is not None
        return Bound(bound.after, jobs, moved, answers, mark, is_new)

    async def _mark(self, tx: Transaction, worker: Worker, job: Job) -> LogChunk | None:
        """Say in the log of an attempt that had started that its output is lost with it."""
        if job.started_at is None:
            return None
        return await mark_lost_output(tx, job, f"worker {worker.id}: {FORGOTTEN}", self.now())

    def _holds_nothing(self, worker: Worker, jobs: dict[JobId, Job]) -> bool:
        """Whether its row says it has a job that is not, or no longer, its own."""
        if worker.job_id is None:
            return False
        return not is_live(jobs.get(worker.job_id), worker.attempt or 0, worker.id)

    def _forgotten(self, hello: Hello, worker: Worker, jobs: dict[JobId, Job]) -> Change[Job] | None:
        """The end of the attempt that we gave it and that it does not know."""
        job = None if worker.job_id is None else jobs.get(worker.job_id)
        if job is None or not is_live(job, worker.attempt or 0, worker.id):
            return None
        if any(a.job_id == job.id and a.attempt == job.attempt for a in hello.attempts):
            return None
        if job.state is JobState.SCHEDULED:
            return job.give_back(job.attempt, at=self.now(), why="it did not reach the worker")
        return job.lose(job.attempt, at=self.now(), why=FORGOTTEN)

    async def _answers(self, tx: Transaction, hello: Hello, jobs: dict[JobId, Job]) -> tuple[Answer, ...]:
        answers = []
        for runs, attempts in ((True, hello.running), (False, hello.finished)):
            for attempted in attempts:
                action = action_for(jobs.get(attempted.job_id), attempted, hello.worker_id, runs=runs)
                stored = 0
                if action is Action.CONTINUE:
                    stored = (await tx.logs.end(attempted.job_id, attempted.attempt)).next_sequence
                answers.append(Answer(attempted.job_id, attempted.attempt, action, stored))
        return tuple(answers)

    async def _resume(self, job: Job) -> LegacyLog:
        async with self.begin() as tx:
            end = await tx.logs.end(job.id, job.attempt)
        return LegacyLog(job.id, job.attempt, end.next_sequence, end.next_offset)
