"""The parts that run: loops, intakes, deeds; their start and their orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_application.audit.audit_feed import AuditFeed
from hodei_application.deeds import Deeds, break_off
from hodei_application.identity import Identity
from hodei_application.intake import Intake
from hodei_application.jobs.ledger import Arrival
from hodei_application.jobs.watch_job import RefreshWatched
from hodei_application.metrics.record_metrics import RecordMetrics
from hodei_application.outage import Outage
from hodei_application.policy import Outside, Policy
from hodei_application.scheduling.destroyer import Destroyer
from hodei_application.scheduling.dispatcher import Dispatcher
from hodei_application.scheduling.janitor import Inventory
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.leader import Leader
from hodei_application.scheduling.live_config import LiveConfig
from hodei_application.scheduling.loop import Loop, Wake
from hodei_application.scheduling.presence import Sightings
from hodei_application.scheduling.reaper import Reaper
from hodei_application.signals import Signals
from hodei_application.store_clock import EVERY, StoreClock
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.heartbeat import FlushHeartbeats, RenewLeases
from hodei_application.workers.resend_wishes import ResendWishes
from hodei_application.workers.spread_workers import TOLD_EVERY, SpreadWorkers

log = logging.getLogger("hodei.control-plane")

REFRESH = timedelta(seconds=2)
WISHES = timedelta(seconds=15)
IDENTITY = timedelta(seconds=60)
LONGEST = timedelta(seconds=60)


@define(eq=False, kw_only=True)
class Engine:
    """Everything of a control plane that acts by itself."""

    outside: Outside
    policy: Policy
    signals: Signals
    outage: Outage
    clock: StoreClock
    identity: Identity
    landscape: Landscape
    config: LiveConfig
    connected: ConnectedWorkers
    intake: Intake[Arrival]
    dispatcher: Dispatcher
    leader: Leader
    reaper: Reaper
    destroyer: Destroyer
    inventory: Inventory
    sightings: Sightings
    renew: RenewLeases
    flush: FlushHeartbeats
    metrics: RecordMetrics
    wishes: ResendWishes
    spread: SpreadWorkers
    refresh: RefreshWatched
    feed: AuditFeed
    deeds: Deeds
    _tasks: dict[str, asyncio.Task[None]] = field(factory=dict, init=False)
    started_at: datetime | None = field(default=None, init=False)

    async def start(self) -> None:
        """Read what other parts rely on, then start the loops. Raises StoreUnavailable."""
        async with self.outside.begin() as tx:
            await self.clock.look(tx)
            await self.identity.learn(tx)
            self.landscape.learn(await tx.providers.list_all())
            await self.config.load(tx)
        self.started_at = self.outside.now()
        for loop in self._loops():
            self.metrics.instruments.loop_errors.add(0.0, loop.name)
            self._tasks[loop.name] = asyncio.create_task(loop.run(), name=f"loop {loop.name}")

    def _loops(self) -> list[Loop]:
        if self.policy.serves_workers:
            return [*self._of_workers(), *self._of_watchers()]
        return [self._loop("clock", self._look_at_clock, timedelta(seconds=EVERY)), *self._of_watchers()]

    async def _look_at_clock(self) -> None:
        """The leader's rounds do it where there are any."""
        async with self.outside.begin() as tx:
            await self.clock.look(tx)

    def _loop(self, name: str, step: Any, every: timedelta, wake: Wake | None = None) -> Loop:
        return Loop(name, step, every, wake or Wake(), self.outside.jitter, self._note_failure)

    async def _check_identity(self) -> None:
        await self.identity.check(self.outside.begin)

    def _of_watchers(self) -> list[Loop]:
        """What every replica does for those who look on."""
        return [
            self._loop("identity", self._check_identity, IDENTITY, self.signals.doubt),
            self._loop("refresh", self.refresh, REFRESH, self.signals.joined),
            self._loop("events", self.feed.step, LONGEST, self.feed.joined),
        ]

    def _of_workers(self) -> list[Loop]:
        policy, signals, loop = self.policy, self.signals, self._loop
        return [
            loop("dispatcher", self.dispatcher.step, policy.poll, signals.work),
            loop("leader", self.leader.step, LONGEST, signals.leader),
            loop("leases", self.renew, policy.renewal),
            loop("heartbeats", self.flush, policy.flush),
            loop("metrics", self.metrics, policy.metrics_flush),
            loop("wishes", self.wishes, WISHES, signals.wish),
            loop("spread", self.spread, TOLD_EVERY, signals.uneven),
        ]

    def _note_failure(self, loop: str) -> None:
        self.metrics.instruments.loop_errors.add(1.0, loop)

    async def stop(self, drain: timedelta) -> None:
        """See ControlPlane.stop(). The order: no new work, then what came in, then leases, then the
        streams.
        """
        self.dispatcher.paused = True
        await self._end_loops()
        if self.policy.serves_workers:
            self.spread.tell_others(self.spread.others.farewell())
        await self._settle(drain)
        for connection in self.connected:
            connection.link.close("the server is going down")
        with contextlib.suppress(Exception):  # they run out by themselves
            async with self.outside.begin() as tx:
                await self.leader.leadership.resign(tx)
                await self.leader.keeping.resign(tx)
        log.info("The control plane has stopped")

    async def _end_loops(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        await break_off(tasks)
        await self.sightings.stop()
        await self.deeds.stop()

    async def _settle(self, drain: timedelta) -> None:
        """Write what was taken in, and renew all leases: a restart then has their full length."""
        steps: dict[str, Callable[[], Awaitable[None]]] = {
            "reports of workers, which they bring again,": self.intake.settled,
            "signs of life": self.flush,
            "metrics": self.metrics,
        }
        left = list(steps)
        try:
            async with asyncio.timeout(drain.total_seconds()):
                for what, write in steps.items():
                    await write()
                    left.remove(what)
        except Exception as error:
            self.intake.abandon()
            late = f"there was no time for it within {drain.total_seconds():g} s"
            why = self.outage.reason or str(error) or late
            log.warning("Going down with %s unwritten: %s", " and ".join(left), why)

    async def destroy_workers(self, grace: timedelta, *, busy: bool) -> None:
        """See ControlPlane.destroy_workers()."""
        self.dispatcher.paused = True
        self.leader.provisioner.enabled = False
        while live := await self._live(busy):
            for worker in live:
                await self.reaper.take_away(
                    worker.id, "the server shuts down", still=lambda w: busy or w.job_id is None
                )
            going = [w for w in await self._live(busy) if w.state is WorkerState.TERMINATING]
            await asyncio.gather(*(self.destroyer.destroy(worker, grace) for worker in going))
            left = await self._live(busy)
            if len(left) == len(live):  # a provider that does not answer must not hold us for ever
                log.error("%d workers could not be destroyed", len(left))
                return

    async def _live(self, busy: bool) -> list[Worker]:
        """The workers that exist, those that hold a job only with `busy`; never another machine's."""
        async with self.outside.begin() as tx:
            return [w for w in await tx.workers.live() if self._is_ours(w) and (busy or w.job_id is None)]

    def _is_ours(self, worker: Worker) -> bool:
        return worker.provider_id is None or self.landscape.keeps(worker.provider_id)

    def is_ready(self) -> bool:
        """Whether the store answers and the loops run."""
        return self.is_live() and not self.outage.present and not self.identity.replaced.is_set()

    def is_live(self) -> bool:
        """Whether all loops run."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks.values())
