"""Tells waiting jobs what becomes of the workers that are made for them."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence

from attrs import define, field
from hodei_domain.jobs.events import JobProvisioning
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.timeline import FAILED
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.workers.worker import STARTING, Worker

from hodei_application.ports import Clock, Transaction, UnitOfWork
from hodei_application.scheduling.kinds import Kinds
from hodei_application.scheduling.landscape import Landscape

log = logging.getLogger("hodei.scheduling")

MAKING, STARTED = "making a worker", "started"
MOST_STAGES = 20
"""Stages of one worker that are recorded: an engine that tells ever new ones must not fill the trail."""

MOST_OF_A_JOB = 60
"""Records in one job's timeline: a registry that is away for days brings a new worker every two minutes."""

ROOM = 10_000
LONGEST_STAGE = 500
_PROGRESS = re.compile(r"[\s,:;(]*\d+(?:\.\d+)?\s?%\)?\s*$")


def without_progress(stage: str) -> str:
    """The stage without a percentage at its end: progress is for those who look now, not for the record."""
    return _PROGRESS.sub("", stage)[:LONGEST_STAGE]


@define(eq=False)
class _Coming:
    """A worker on its way, the waiting job that hears of it, and what was told already."""

    worker: Worker
    job_id: JobId | None = None
    told: set[str] = field(factory=set)


@define(eq=False, kw_only=True)
class Provisionings:
    """Records stages of workers on their way in the timelines of jobs: each worker's with one job, the one
    that waits longest for its class and hears of no other worker.

    Which job the worker runs in the end is the queue's business. What cannot be recorded is passed over: it
    must not hold up the making of workers.
    """

    begin: UnitOfWork
    now: Clock
    landscape: Landscape
    kinds: Kinds
    _coming: dict[WorkerId, _Coming] = field(factory=dict, init=False)
    _told: dict[JobId, int] = field(factory=dict, init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def making(self, tx: Transaction, workers: Iterable[Worker]) -> None:
        """These are intended, in this transaction."""
        fresh = [_Coming(worker) for worker in workers]
        self._coming.update((coming.worker.id, coming) for coming in fresh)
        await self._record(tx, fresh, MAKING)

    def keep(self, live: Iterable[Worker]) -> None:
        """All workers there are: those that have arrived or gone are no news any more."""
        starting = {worker.id: worker for worker in live if worker.state in STARTING}
        self._coming = {
            id: self._coming.get(id) or _Coming(worker, told={MAKING}) for id, worker in starting.items()
        }

    async def stage(self, worker_id: WorkerId, stage: str) -> None:
        """A worker on its way has reached this stage."""
        await self._tell(worker_id, without_progress(stage))

    async def failed(self, worker_id: WorkerId, why: str) -> None:
        """It will not come."""
        await self._tell(worker_id, f"{FAILED}{why}"[:LONGEST_STAGE])
        self._coming.pop(worker_id, None)

    async def _tell(self, worker_id: WorkerId, stage: str) -> None:
        async with self._turn:  # in the order in which it happened
            coming = self._coming.get(worker_id)
            if coming is None or not stage or stage in coming.told or len(coming.told) >= MOST_STAGES:
                return
            try:
                async with self.begin() as tx:
                    await self._record(tx, [coming], stage)
            except HodeiError as error:
                log.debug("The stage %r of worker %s was not recorded: %s", stage, worker_id, error)

    async def _record(self, tx: Transaction, news: Sequence[_Coming], stage: str) -> None:
        await self._find_jobs(tx, news, again=stage != STARTED)
        events = [
            self._event(coming, stage)
            for coming in news
            if coming.job_id is not None and self._may_hear(coming.job_id)
        ]
        if events:
            await tx.audit.record(events)
        for coming in news:
            coming.told.add(stage)

    def _may_hear(self, job_id: JobId) -> bool:
        count = self._told.pop(job_id, 0) + 1
        self._told[job_id] = count
        if len(self._told) > ROOM:
            del self._told[next(iter(self._told))]
        return count <= MOST_OF_A_JOB

    async def _find_jobs(self, tx: Transaction, news: Sequence[_Coming], *, again: bool) -> None:
        """See to it that each has a job that still waits, as far as there are some; without `again` only
        those whose job does not wait any more are parted from it: it may be what the worker runs.
        """
        paired = await tx.jobs.find([coming.job_id for coming in news if coming.job_id is not None])
        waiting = {id for id, job in paired.items() if job.state is JobState.PENDING}
        alone = [coming for coming in news if coming.job_id not in waiting]
        if not alone:
            return
        taken = {c.job_id for c in self._coming.values() if c.job_id is not None and c not in alone}
        classes = await tx.queue.waiting(1)
        wanted: dict[DemandClass, list[_Coming]] = {}
        for coming in alone:
            coming.job_id = None
            if not again:
                continue
            wanted.setdefault(coming.worker.demand, []).append(coming)
        for demand, workers in wanted.items():
            keys = [entry.demand.key for entry in classes if self.kinds.wanted(entry.demand) == demand]
            jobs = await tx.queue.foremost(keys, len(taken) + len(workers))
            free = [id for id in jobs if id not in taken]
            for coming, job_id in zip(workers, free, strict=False):
                coming.job_id = job_id
                taken.add(job_id)

    def _event(self, coming: _Coming, stage: str) -> JobProvisioning:
        return JobProvisioning(
            at=self.now(),
            correlation_id=str(coming.job_id),
            provider=self.landscape.name(coming.worker.provider_id),
            worker_id=str(coming.worker.id),
            stage=stage,
        )
