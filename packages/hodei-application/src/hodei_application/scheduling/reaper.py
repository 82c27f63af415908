"""Takes workers out of service together with what they hold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import define, evolve, frozen
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.views import LostAttempt
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.errors import ChangedMeanwhile
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.logs.chunk import LogChunk
from hodei_domain.scheduling.surplus import GivenUp
from hodei_domain.scheduling.terms import Terms
from hodei_domain.workers.worker import GOING, Worker, WorkerState

from hodei_application.jobs.moves import Moves
from hodei_application.logs.log_hub import LogHub
from hodei_application.logs.lost_output import mark_lost_output
from hodei_application.metrics.replica import Instruments
from hodei_application.ports import Clock, Transaction, UnitOfWork
from hodei_application.repeat import repeat
from hodei_application.scheduling.backoffs import Backoffs
from hodei_application.scheduling.dispatcher import Dispatcher
from hodei_application.scheduling.fates import Fate, fate_of, is_idle_too_long
from hodei_application.scheduling.pool_terms import PoolTerms
from hodei_application.scheduling.provisionings import Provisionings
from hodei_application.signals import CLEANUP, Signals
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.hello import is_live

log = logging.getLogger("hodei.scheduling")

End = Callable[[Job], Change[Job]]
"""How a job that a worker takes along ends, or goes back."""


@frozen
class Reaped:
    """What one transaction did, to be told after its commit."""

    jobs: tuple[Job, ...] = ()
    workers: tuple[Worker, ...] = ()
    marks: tuple[LogChunk, ...] = ()


@define(eq=False, kw_only=True)
class Reaper:
    """Takes workers out of service together with what they hold, in one transaction each: the job's policy
    decides what becomes of it, and the worker's row becomes the intent to destroy it.

    Every judgement is made again on the locked rows, so whatever happened since the survey wins.
    """

    begin: UnitOfWork
    now: Clock
    connected: ConnectedWorkers
    terms: PoolTerms
    backoffs: Backoffs
    provisionings: Provisionings
    moves: Moves
    logs: LogHub
    dispatcher: Dispatcher
    signals: Signals
    verdict: timedelta
    instruments: Instruments

    async def lose(self, lost: Sequence[LostAttempt], why: str = "its lease ran out") -> None:
        """These attempts' workers are not heard any more."""
        for attempt in lost:
            log.warning("Job %s lost its worker %s: %s", attempt.job_id, attempt.worker_id, why)
            self.instruments.leases_lost.add()
            await self.take_away(attempt.worker_id, why, expected=(attempt.job_id, attempt.attempt))

    async def take_away(
        self,
        worker_id: WorkerId,
        why: str,
        *,
        expected: tuple[JobId, int] | None = None,
        end: End | None = None,
        still: Callable[[Worker], bool] = lambda _: True,
    ) -> None:
        """Have a worker destroyed and end, by `end` or as lost, what it holds.

        Does nothing if it does not hold `expected` any more, or is not `still` as the caller saw it.
        """

        async def transact() -> Reaped:
            return await self._take_away(worker_id, why, expected, end, still)

        self._tell(await repeat(transact))

    async def judge(self, live: Sequence[Worker], *, may_judge: bool) -> None:
        """Let each worker meet its fate."""
        now = self.now()
        kept = self.terms.kept(live)
        for worker in live:
            terms = self.terms.of(worker)
            fate = fate_of(worker, terms, now=now, verdict=self.verdict, may_judge=may_judge)
            if fate is not None:
                await self._meet(worker, fate, terms)
            elif worker.id not in kept and is_idle_too_long(worker, terms, now):
                await self.take_away(
                    worker.id, "it was idle for too long", still=lambda w: w.state is WorkerState.READY
                )

    async def give_up(self, given_up: Sequence[GivenUp]) -> None:
        """These make way, if they still are as they were seen."""
        for each in given_up:
            fate = Fate(each.drain, each.why)
            await self._meet(each.worker, fate, self.terms.of(each.worker))

    async def _meet(self, worker: Worker, fate: Fate, terms: Terms) -> None:
        if fate.failed_start and worker.registered_at is None:
            within = self.terms.config.now.register_within.total_seconds()
            fate = evolve(fate, why=f"{fate.why} (register_within: {within:g} s)")
        log.info("Worker %s goes: %s", worker.id, fate.why)
        if fate.failed_start and worker.provider_id is not None:
            self.backoffs.failed(worker.provider_id, worker.demand.key, self.now(), fate.why)
            await self.provisionings.failed(worker.id, fate.why)
        if fate.drain:
            await self._drain(worker.id, fate.why, terms)
        else:
            state = worker.state
            await self.take_away(worker.id, fate.why, still=lambda w: w.state is state)

    async def _drain(self, worker_id: WorkerId, why: str, terms: Terms) -> None:
        async with self.begin() as tx:
            worker = (await tx.workers.lock([worker_id])).get(worker_id)
            if worker is None:
                return
            at = self.now()
            deadline = None if terms.drain_within is None else at + terms.drain_within
            change = worker.drain(at=at, deadline=deadline, why=why)
            await tx.workers.save([change])
        self.connected.update([change.after])

    async def _take_away(
        self,
        worker_id: WorkerId,
        why: str,
        expected: tuple[JobId, int] | None,
        end: End | None,
        still: Callable[[Worker], bool],
    ) -> Reaped:
        async with self.begin() as tx:
            seen = (await tx.workers.find([worker_id])).get(worker_id)
            job = await self._held(tx, seen, expected)
            worker = (await tx.workers.lock([worker_id])).get(worker_id)
            if worker is not None and seen is not None and worker.job_id != seen.job_id:
                raise ChangedMeanwhile(f"worker {worker_id} changed its job")
            if expected is not None and job is None:
                return Reaped()
            marks: list[LogChunk] = []
            jobs: list[Job] = []
            at = self.now()
            if worker is not None and worker.state not in GOING and not still(worker):
                return Reaped()
            if job is not None:
                ended = end(job) if end is not None else job.lose(job.attempt, at=at, why=why)
                if ended.is_same:  # what should end it does not hold any more
                    return Reaped()
                if job.started_at is not None:
                    marks.append(await mark_lost_output(tx, job, f"worker {worker_id}: {why}", at))
                await tx.jobs.save([ended])
                jobs.append(ended.after)
            mine = worker is not None and (job is None or worker.job_id in (None, job.id))
            workers = await self._dismiss(tx, worker if mine else None, why, at)
        return Reaped(tuple(jobs), workers, tuple(marks))

    async def _held(
        self, tx: Transaction, worker: Worker | None, expected: tuple[JobId, int] | None
    ) -> Job | None:
        """The job that the worker holds, locked; with `expected` also one whose worker's row is gone."""
        key = expected
        if key is None and worker is not None and worker.job_id is not None:
            key = (worker.job_id, worker.attempt or 0)
        if key is None:
            return None
        job = (await tx.jobs.lock([key[0]])).get(key[0])
        if job is None or job.attempt != key[1] or job.worker_id is None:
            return None
        if worker is not None and not is_live(job, key[1], worker.id):
            return None
        return job

    async def _dismiss(
        self, tx: Transaction, worker: Worker | None, why: str, at: datetime
    ) -> tuple[Worker, ...]:
        if worker is None or worker.is_over:
            return ()
        change = worker.terminate(at=at, why=why).then(lambda w: w.free(at=at))
        await tx.workers.save([change])
        return (change.after,)

    def _tell(self, reaped: Reaped) -> None:
        self.connected.update(reaped.workers)
        for mark in reaped.marks:
            self.logs.stored(mark)
        self.moves(reaped.jobs)
        self.dispatcher.look(reaped.jobs)
        if reaped.workers:
            self.signals.cleanup()
            self.signals.tell_others(CLEANUP)
