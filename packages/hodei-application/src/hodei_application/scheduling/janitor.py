"""Cleans up: what exists and should not, what should exist and does not, what has been kept for long
enough.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from attrs import define, field, frozen
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.provider import Provider, ProviderStatus
from hodei_domain.providers.records import ABSENT, FoundWorker, PresenceState
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_application.identity import Identity
from hodei_application.metrics.bound_metrics import BoundMetrics
from hodei_application.ports import Clock, UnitOfWork
from hodei_application.providers.check_provider import CheckProvider
from hodei_application.scheduling.destroyer import Destroyer
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.live_config import LiveConfig
from hodei_application.scheduling.presence import GONE, PresenceCheck
from hodei_application.scheduling.retention import Retention

log = logging.getLogger("hodei.janitor")

SETTLING = timedelta(seconds=30)
"""A worker that was made so recently may not be listed yet."""

SPARED = timedelta(minutes=15)
"""What this database does not know, although it carries its id, is newer than a backup that was restored. So
long is left to turn back; by then the agent has ended its job and itself, since nobody renews its lease.
"""

UNKNOWN = "nobody knows it"

EXPECTED = frozenset({WorkerState.CONNECTING, WorkerState.READY, WorkerState.BUSY, WorkerState.DRAINING})


@frozen
class Orphan:
    """Something at a provider that no row of ours wants. `spared`: it is not for the janitor to destroy, by
    now; `foreign`: nor for anybody here.
    """

    provider: str
    worker: FoundWorker
    why: str
    spared: bool = False
    foreign: bool = False


@frozen(kw_only=True)
class Garbage:
    """What was found, which of it was destroyed, and the providers that could not be looked through, each
    with the reason.
    """

    orphans: tuple[Orphan, ...]
    removed: frozenset[WorkerId] = frozenset()
    unreached: tuple[tuple[str, str], ...] = ()


@define(eq=False, kw_only=True)
class Inventory:
    """Compares what providers have with what the store knows, both ways."""

    begin: UnitOfWork
    now: Clock
    landscape: Landscape
    presence: PresenceCheck
    destroyer: Destroyer
    identity: Identity
    monotonic: Callable[[], float]
    _unknown: dict[ProviderId, dict[WorkerId, float]] = field(factory=dict, init=False)  # since when
    _told: set[WorkerId] = field(factory=set, init=False)

    async def orphans(self, provider: Provider, plugin: ProviderPlugin) -> list[Orphan]:
        """What is there and not wanted. The intent to make a worker is written before it is made, so
        whatever exists has a row; one whose row is over is nobody's, and one without a row is of another
        database, or newer than the backup that this one comes from.
        """
        found, rows = await self._compare(plugin)
        unknown = {worker.worker_id for worker in found if worker.worker_id not in rows}
        before = self._unknown.get(provider.id, {})
        self._unknown[provider.id] = {id: before.get(id, self.monotonic()) for id in unknown}
        return [
            self._orphan(provider, worker, known=worker.worker_id in rows)
            for worker in found
            if (row := rows.get(worker.worker_id)) is None or row.is_over
        ]

    def _orphan(self, provider: Provider, worker: FoundWorker, *, known: bool) -> Orphan:
        if known:
            return Orphan(provider.name, worker, "it has ended")
        if worker.database not in ("", self.identity.id):
            why = f"it belongs to another database, {worker.database}"
            foreign = not self._is_left_over(worker)
            return Orphan(provider.name, worker, why, spared=foreign, foreign=foreign)
        left = self._unknown[provider.id][worker.worker_id] + SPARED.total_seconds() - self.monotonic()
        why = f"{UNKNOWN}, for {left / 60:.0f} more minutes" if left > 0 else UNKNOWN
        return Orphan(provider.name, worker, why, spared=left > 0)

    def _is_left_over(self, worker: FoundWorker) -> bool:
        """Whether even the database that knows it cannot want it any more."""
        ended = worker.presence.state is PresenceState.EXITED
        return ended and worker.expires_at is not None and worker.expires_at <= self.now()

    async def remove(self, orphan: Orphan, plugin: ProviderPlugin) -> bool:
        """Destroy it; False when its provider cannot just now, which must not save the others."""
        worker_id = orphan.worker.worker_id
        log.warning("Destroying worker %s of %s: %s", worker_id, orphan.provider, orphan.why)
        try:
            await plugin.lifecycle.destroy_worker(worker_id, self.destroyer.grace)
        except HodeiError as error:
            log.warning("Worker %s of %s cannot be destroyed: %s", worker_id, orphan.provider, error)
            return False
        return True

    async def sweep(self, provider: Provider, plugin: ProviderPlugin) -> None:
        """Destroy the orphans, and count as gone what should be there and is not."""
        found = await self.orphans(provider, plugin)
        self._tell([orphan for orphan in found if orphan.spared])
        for orphan in found:
            if not orphan.spared:
                await self.remove(orphan, plugin)
        await self.find_missing(provider, plugin)

    def _tell(self, spared: Iterable[Orphan]) -> None:
        """Once of each."""
        for orphan in spared:
            id = orphan.worker.worker_id
            if id not in self._told:
                self._told.add(id)
                log.warning("Leaving worker %s of %s alone: %s", id, orphan.provider, orphan.why)

    async def find_missing(self, provider: Provider, plugin: ProviderPlugin) -> None:
        """Count as gone what should be there and is not."""
        there = {worker.worker_id: worker.presence for worker in await plugin.inventory.list_workers()}
        for worker in await self._expected(provider):
            presence = there.get(worker.id, ABSENT)
            if not worker.connected and presence.state in GONE:
                await self.presence.gone(worker, presence)

    async def _compare(self, plugin: ProviderPlugin) -> tuple[list[FoundWorker], dict[WorkerId, Worker]]:
        # Asked before the rows are read: a row is always older than its worker.
        found = await plugin.inventory.list_workers()
        async with self.begin() as tx:
            rows = await tx.workers.find([worker.worker_id for worker in found])
        return found, rows

    async def _expected(self, provider: Provider) -> list[Worker]:
        async with self.begin() as tx:
            live = await tx.workers.live()
        settled = self.now() - SETTLING
        return [
            w
            for w in live
            if w.provider_id == provider.id and w.state in EXPECTED and w.changed_at <= settled
        ]


@frozen(kw_only=True)
class CollectGarbage:
    """What exists at the providers and belongs to nobody; destroyed unless it is a dry run.

    Who calls this could see before what a dry run tells: the time for which the janitor spares a worker does
    not count. What belongs to another database stays.

    A provider that does not answer does not keep the others from being cleaned up. Those that only another
    replica reaches are left to it: it looks through them every minute, too.
    """

    begin: UnitOfWork
    landscape: Landscape
    inventory: Inventory

    async def __call__(self, *, dry_run: bool = False) -> Garbage:
        async with self.begin() as tx:
            self.landscape.learn(await tx.providers.list_all())
        orphans: list[Orphan] = []
        removed: set[WorkerId] = set()
        unreached: list[tuple[str, str]] = []
        for provider in self.landscape:
            plugin = self.landscape.plugin(provider.id)
            if self._is_others(provider, plugin):
                continue
            if plugin is None:
                unreached.append((provider.name, "is not available on this control plane"))
                continue
            try:
                found = await self.inventory.orphans(provider, plugin)
                if not dry_run:
                    await self.inventory.find_missing(provider, plugin)
            except HodeiError as error:
                unreached.append((provider.name, error.message))
                continue
            orphans += found
            if not dry_run:
                ours = [orphan for orphan in found if not orphan.foreign]
                removed |= {o.worker.worker_id for o in ours if await self.inventory.remove(o, plugin)}
        return Garbage(orphans=tuple(orphans), removed=frozenset(removed), unreached=tuple(unreached))

    def _is_others(self, provider: Provider, plugin: ProviderPlugin | None) -> bool:
        return plugin is not None and not plugin.reachable and provider.id not in self.landscape.unkept


@define(eq=False, kw_only=True)
class Janitor:
    """The slow round: inventories and probes of the providers that are seen to here; for the leader also
    retention, and the ageing of the queue.
    """

    begin: UnitOfWork
    now: Clock
    landscape: Landscape
    config: LiveConfig
    inventory: Inventory
    check: CheckProvider
    bound_metrics: BoundMetrics
    retention: Retention
    _complained: set[str] = field(factory=set, init=False)

    async def clean(self, kept: Sequence[Provider], *, everything: bool) -> None:
        """One round through these providers; with `everything` also through what all replicas share."""
        for provider in kept:
            await self._visit(provider)
        if everything:
            await self._promote()
            if await self.retention():
                await self.bound_metrics()

    async def probe(self, providers: Sequence[Provider]) -> None:
        """Ask those that were ill whether they are well."""
        for provider in providers:
            if not provider.out_of_use and provider.status in _ILL:
                await self.check(provider.id)

    async def _visit(self, provider: Provider) -> None:
        plugin = self.landscape.plugin(provider.id)
        if plugin is None:
            return
        try:
            if not provider.out_of_use:
                await self.check(provider.id)
            await self.inventory.sweep(provider, plugin)
        except HodeiError as error:
            if provider.name not in self._complained:
                log.warning("Provider %s cannot be inspected: %s", provider.name, error)
            self._complained.add(provider.name)
        else:
            self._complained.discard(provider.name)

    async def _promote(self) -> None:
        async with self.begin() as tx:
            raised = await tx.queue.promote(self.config.now.promote_after, self.now())
        if raised:
            log.info("Raised the priority of %d jobs that waited for long", raised)


_ILL = frozenset({ProviderStatus.DEGRADED, ProviderStatus.UNHEALTHY, ProviderStatus.OVERLOADED})
