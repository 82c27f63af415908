"""Decides which workers to make."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import define, field, frozen
from hodei_domain.jobs.views import WaitingClass
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.demand import ANY
from hodei_domain.kernel.events import Event
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.scheduling.offers import WorkerOffer, offer_of
from hodei_domain.scheduling.provision import Creation, Plan, Waiting, plan_warm, plan_workers
from hodei_domain.workers.worker import STARTING, Worker, WorkerState

from hodei_application.ports import Clock, NewId, Transaction
from hodei_application.scheduling.backoffs import Backoffs
from hodei_application.scheduling.events import QUEUE, AutoScalingTriggered, JobQueueDepthChanged
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.live_config import LiveConfig

log = logging.getLogger("hodei.scheduling")

_ANY = ANY

DEPTH_EVERY = timedelta(seconds=10)
"""At most so often is a changed depth of the queue recorded."""

STALE = timedelta(seconds=60)
"""A worker that was not heard for so long (flushes are 15 s apart) is not counted on for a waiting job."""


@frozen
class Provisioned:
    """What a round wrote, and the keys of the classes of which it could not serve all jobs."""

    workers: tuple[Worker, ...]
    unserved: frozenset[str]


@define(eq=False, kw_only=True)
class Provisioner:
    """Writes an intent for each worker that is missing: one for each waiting job that no idle or starting
    worker will serve, never beyond a provider's limit; and for the idle ones that are to be kept.

    Held and cancelled jobs are not in the queue and so never bring a worker about.
    """

    now: Clock
    new_id: NewId
    landscape: Landscape
    config: LiveConfig
    backoffs: Backoffs
    enabled: bool = True
    _turn: int = field(default=0, init=False)
    _depth: int = field(default=0, init=False)
    _depth_at: datetime | None = field(default=None, init=False)

    async def plan(
        self, tx: Transaction, waiting: Sequence[WaitingClass], live: Sequence[Worker]
    ) -> Provisioned:
        """Decide and write the intents in this transaction, with the events that tell of it."""
        at = self.now()
        events: list[Event] = self._depth_events(sum(entry.count for entry in waiting), at)
        plan = self._plan(waiting, live, at) if self.enabled else Plan()
        intents = [change for creation in plan.creations for change in self._intents(creation, at)]
        events += [self._scaling(creation, at) for creation in plan.creations]
        if intents:
            await tx.workers.save(intents)
        if events:
            await tx.audit.record(events)
        return Provisioned(
            tuple(change.after for change in intents), frozenset(entry.demand.key for entry in plan.unserved)
        )

    def _plan(self, waiting: Sequence[WaitingClass], live: Sequence[Worker], at: datetime) -> Plan:
        config = self.config.now
        counts = Counter(w.provider_id for w in live if w.provider_id is not None)
        coming = [self._offer(worker) for worker in live if self._is_coming(worker, at)]
        plan = plan_workers(
            [self._waiting(entry, counts) for entry in waiting],
            coming,
            now=at,
            most=config.create_batch,
            strategy=config.provider_strategy,
            turn=self._turn,
        )
        self._turn += len(plan.creations)
        if not config.min_idle:
            return plan
        for creation in plan.creations:
            counts[creation.provider_id] += creation.count
        warm = plan_warm(coming, self.landscape.offers(ANY, live=counts), min_idle=config.min_idle, now=at)
        return Plan(creations=(*plan.creations, *warm.creations), unserved=plan.unserved)

    def _waiting(self, entry: WaitingClass, counts: Counter[ProviderId]) -> Waiting:
        retry_at = self.backoffs.retry_at((p.id for p in self.landscape), entry.demand.key)
        offers = self.landscape.offers(entry.demand, live=counts, retry_at=retry_at)
        return Waiting(demand=entry.demand, count=entry.count, providers=offers)

    def _offer(self, worker: Worker) -> WorkerOffer:
        return offer_of(worker, self.landscape.name(worker.provider_id))

    def _is_coming(self, worker: Worker, at: datetime) -> bool:
        """Whether it will take a job soon."""
        if worker.state in STARTING:
            return worker.register_by is None or at < worker.register_by
        heard = worker.last_heartbeat or worker.changed_at
        return worker.state is WorkerState.READY and worker.connected and at - heard < STALE

    def _intents(self, creation: Creation, at: datetime) -> list[Change[Worker]]:
        config = self.config.now
        log.info("Making %d workers at %s for %s", creation.count, creation.provider, creation.demand)
        return [
            Worker.provision(
                WorkerId(self.new_id()),
                at=at,
                provider_id=creation.provider_id,
                demand=creation.demand,
                register_by=at + config.register_within,
                # The engine's own limit, for the case that we are gone. We replace workers at their
                # lifetime, and what they run then may take as long again.
                expires_at=at + 2 * config.max_lifetime,
            )
            for _ in range(creation.count)
        ]

    def _scaling(self, creation: Creation, at: datetime) -> AutoScalingTriggered:
        return AutoScalingTriggered(
            at=at,
            correlation_id=str(creation.provider_id),
            provider_id=str(creation.provider_id),
            provider=creation.provider,
            demand=creation.demand.key,
            count=creation.count,
            reasons=creation.reasons,
        )

    def _depth_events(self, depth: int, at: datetime) -> list[Event]:
        if depth == self._depth or (self._depth_at is not None and at - self._depth_at < DEPTH_EVERY):
            return []
        before, self._depth, self._depth_at = self._depth, depth, at
        return [JobQueueDepthChanged(at=at, correlation_id=QUEUE, depth=depth, before=before)]
