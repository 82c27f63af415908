"""Decides which workers to make."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import define, evolve, field, frozen
from hodei_domain.jobs.views import WaitingClass
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.events import Event
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.scheduling.eligible import honour, worker_cannot
from hodei_domain.scheduling.offers import WorkerOffer
from hodei_domain.scheduling.provision import Creation, Plan, Waiting, plan_warm, plan_workers
from hodei_domain.scheduling.surplus import PATIENCE, GivenUp, Member, beyond_limits, give_up
from hodei_domain.workers.worker import GOING, STARTING, Worker, WorkerState

from hodei_application.ports import Clock, NewId, Transaction
from hodei_application.scheduling.backoffs import Backoffs
from hodei_application.scheduling.census import Census
from hodei_application.scheduling.events import QUEUE, AutoScalingTriggered, JobQueueDepthChanged
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.live_config import LiveConfig
from hodei_application.scheduling.pool_terms import PoolTerms
from hodei_application.scheduling.provisionings import Provisionings

log = logging.getLogger("hodei.scheduling")

DEPTH_EVERY = timedelta(seconds=10)
"""At most so often is a changed depth of the queue recorded."""

STALE = timedelta(seconds=60)
"""A worker that was not heard for so long (flushes are 15 s apart) is not counted on for a waiting job."""


@frozen
class Provisioned:
    """What a round wrote, the keys of the classes of which it could not serve all jobs, and the workers that
    are to make way.
    """

    workers: tuple[Worker, ...]
    unserved: frozenset[str]
    given_up: tuple[GivenUp, ...] = ()


NOTHING = Provisioned((), frozenset())


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
    terms: PoolTerms
    backoffs: Backoffs
    provisionings: Provisionings
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
        plan, given_up = self._plan(waiting, live, at) if self.enabled else (Plan(), ())
        intents = [change for creation in plan.creations for change in self._intents(creation, at)]
        events += [self._scaling(creation, at) for creation in plan.creations]
        if intents:
            await tx.workers.save(intents)
            await self.provisionings.making(tx, [change.after for change in intents])
        if events:
            await tx.audit.record(events)
        return Provisioned(
            tuple(change.after for change in intents),
            frozenset(entry.demand.key for entry in plan.unserved),
            given_up,
        )

    def _plan(
        self, waiting: Sequence[WaitingClass], live: Sequence[Worker], at: datetime
    ) -> tuple[Plan, tuple[GivenUp, ...]]:
        config = self.config.now
        census = self.terms.census(live)
        coming = [self.terms.offer(worker) for worker in live if self._is_coming(worker, at)]
        plan = plan_workers(
            [self._waiting(entry, census, live, at) for entry in waiting],
            coming,
            now=at,
            most=config.create_batch,
            strategy=config.provider_strategy,
            turn=self._turn,
        )
        self._turn += len(plan.creations)
        warm = self._warm(plan, census, coming, at)
        members = self._members(live)
        given_up = beyond_limits(members, self.terms.limits(live), warm.needed)
        left = {each.worker.id for each in given_up}
        members = [member for member in members if member.worker.id not in left]
        given_up += give_up(members, plan.unserved, plan.needed, warm.needed, now=at)
        return evolve(plan, creations=(*plan.creations, *warm.creations)), tuple(given_up)

    def _waiting(self, entry: WaitingClass, census: Census, live: Sequence[Worker], at: datetime) -> Waiting:
        retry_at = self.backoffs.retry_at((p.id for p in self.landscape), entry.demand.key)
        offers = self.landscape.offers(entry.demand, live=census, retry_at=retry_at)
        starving = at - entry.oldest >= PATIENCE
        if starving:
            wanted = honour(entry.demand, offers)
            serving = (self.terms.offer(worker) for worker in live if self._serves(worker))
            starving = not any(worker_cannot(wanted, offer) is None for offer in serving)
        return Waiting(demand=entry.demand, count=entry.count, providers=offers, starving=starving)

    def _warm(self, plan: Plan, census: Census, coming: Sequence[WorkerOffer], at: datetime) -> Plan:
        wanted = self.terms.warm()
        if not wanted:
            return Plan()
        for creation in plan.creations:
            key = self.terms.at(creation.provider_id, creation.demand).pool
            census.add(creation.provider_id, key, creation.count)
        offered = []
        for pool in wanted:
            retry_at = self.backoffs.retry_at((p.id for p in self.landscape), pool.demand.key, warm=True)
            offers = self.landscape.offers(pool.demand, live=census, retry_at=retry_at)
            offered += [(pool, offer) for offer in offers if offer.name == pool.provider]
        return plan_warm(offered, coming, now=at)

    def _serves(self, worker: Worker) -> bool:
        return worker.state not in GOING and not self.landscape.out_of_use(worker.provider_id)

    def _members(self, live: Sequence[Worker]) -> list[Member]:
        return [Member(w, w.provider_id, self.terms.of(w).pool) for w in live if w.provider_id is not None]

    def _is_coming(self, worker: Worker, at: datetime) -> bool:
        """Whether it will take a job soon. One that somebody starts by hand counts when its stream is up:
        until then nobody can promise that it ever will be.
        """
        if self.landscape.out_of_use(worker.provider_id):
            return False
        if worker.state in STARTING:
            return worker.provider_id is not None and not worker.is_late(at)
        heard = worker.last_heartbeat or worker.changed_at
        return worker.state is WorkerState.READY and worker.connected and at - heard < STALE

    def _intents(self, creation: Creation, at: datetime) -> list[Change[Worker]]:
        lifetime = self.terms.at(creation.provider_id, creation.demand).max_lifetime
        log.info("Making %d workers at %s for %s", creation.count, creation.provider, creation.demand)
        return [
            Worker.provision(
                WorkerId(self.new_id()),
                at=at,
                provider_id=creation.provider_id,
                demand=creation.demand,
                # The engine's own limit, for the case that we are gone. We replace workers at their
                # lifetime, and what they run then may take as long again.
                expires_at=at + 2 * lifetime,
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
