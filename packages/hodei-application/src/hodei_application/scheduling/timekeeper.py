"""Ends jobs whose clocks ran out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from attrs import define, field
from hodei_domain.jobs.clocks import limit_of
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import Reason
from hodei_domain.jobs.views import Overdue
from hodei_domain.kernel.change import Change, same
from hodei_domain.kernel.ids import JobId
from hodei_domain.scheduling.why import in_words

from hodei_application.jobs.cancel_job import cancel_command
from hodei_application.jobs.moves import Moves
from hodei_application.jobs.why_pending import WhyPending
from hodei_application.ports import Clock, Transaction, UnitOfWork
from hodei_application.scheduling.reaper import Reaper
from hodei_application.signals import WISH, Signals
from hodei_application.workers.connected import ConnectedWorkers

log = logging.getLogger("hodei.scheduling")


@define(eq=False, kw_only=True)
class Timekeeper:
    """Ends jobs whose clocks ran out.

    In the queue at once. A worker that runs one is told first, again at each look, and gets the grace and a
    bound to confirm; then it is destroyed and the job ends without it. Old workers never confirm: they do
    not kill.
    """

    begin: UnitOfWork
    now: Clock
    monotonic: Callable[[], float]
    connected: ConnectedWorkers
    moves: Moves
    reaper: Reaper
    signals: Signals
    bound: timedelta
    why_pending: WhyPending
    _asked: dict[tuple[JobId, int], float] = field(factory=dict, init=False)

    async def enforce(self, overdue: Sequence[Overdue]) -> None:
        """These clocks have run out."""
        self._forget({(o.job_id, o.attempt) for o in overdue})
        if not overdue:
            return
        async with self.begin() as tx:
            jobs = await tx.jobs.find([o.job_id for o in overdue])
        for late in overdue:
            job = jobs.get(late.job_id)
            if job is None or job.is_over or job.attempt != late.attempt:
                continue
            if job.worker_id is None:
                await self._expire(late)
            elif late.clock is Reason.CANCELLED or self._is_hopeless(job):
                await self._force(job, late.clock)
            else:
                self._ask(job, late.clock)

    def _forget(self, overdue: Collection[tuple[JobId, int]]) -> None:
        self._asked = {key: since for key, since in self._asked.items() if key in overdue}

    def _is_hopeless(self, job: Job) -> bool:
        asked = self._asked.get((job.id, job.attempt))
        patience = job.spec.clocks.grace + self.bound
        return asked is not None and self.monotonic() - asked >= patience.total_seconds()

    def _ask(self, job: Job, clock: Reason) -> None:
        self._asked.setdefault((job.id, job.attempt), self.monotonic())
        worker_id = job.worker_id
        if worker_id is not None and not self.connected.send(worker_id, cancel_command(job, clock)):
            self.signals.tell_others(WISH)

    async def _expire(self, late: Overdue) -> None:
        async with self.begin() as tx:
            job = (await tx.jobs.lock([late.job_id])).get(late.job_id)
            if job is None or job.worker_id is not None or limit_of(job, late.clock) is None:
                return
            change = job.expire(late.clock, at=self.now(), message=await self._waited(tx, job, late))
            await tx.jobs.save([change])
        self.moves([change.after])

    async def _waited(self, tx: Transaction, job: Job, late: Overdue) -> str:
        """What the job waited for until now."""
        reasons = in_words(await self.why_pending.of(tx, job))
        return f"it waited in the queue until its clock ran out ({late.clock}): {reasons or 'for a worker'}"

    async def _force(self, job: Job, clock: Reason) -> None:
        worker_id = job.worker_id
        if worker_id is None:
            return
        why = f"it did not end job {job.id} in time ({clock})"
        log.warning("Worker %s is destroyed: %s", worker_id, why)

        def end(job: Job) -> Change[Job]:
            if limit_of(job, clock) is None:  # it does not run any more
                return same(job)
            return job.expire(clock, at=self.now(), message="its worker did not confirm")

        await self.reaper.take_away(worker_id, why, expected=(job.id, job.attempt), end=end)
