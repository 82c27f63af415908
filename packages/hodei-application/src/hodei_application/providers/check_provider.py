"""Probe providers."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from attrs import frozen
from hodei_domain.providers.provider import Provider, ProviderStatus
from hodei_domain.providers.records import Health

from hodei_application.ports import Clock, UnitOfWork
from hodei_application.providers.find_provider import Ref, find_provider
from hodei_application.providers.probe import probe
from hodei_application.providers.provider_change import ProviderChange
from hodei_application.scheduling.landscape import Landscape

log = logging.getLogger("hodei.providers")


@frozen
class ProviderHealth:
    """How a provider does, and when that was found out."""

    provider: Provider
    healthy: bool
    message: str
    checked_at: datetime


TOLD_EVERY = timedelta(minutes=5)
"""A row that is rewritten at each probe would tell nobody more."""


@frozen(kw_only=True)
class CheckProvider:
    """Probe a provider now and keep what was found, if it is news. Raises ProviderNotFound."""

    begin: UnitOfWork
    now: Clock
    landscape: Landscape
    change: ProviderChange

    async def __call__(self, ref: Ref) -> ProviderHealth:
        async with self.begin() as tx:
            provider = await find_provider(tx, ref)
            self.landscape.learn(await tx.providers.list_all())
        plugin = self.landscape.plugin(provider.id)
        if provider.switched_off:
            return self._as_known(provider)
        if self.landscape.others_serve or plugin is None or not plugin.reachable:
            return self._as_known(provider)
        health = await probe(plugin.health.check_health)
        provider = await self.record(provider, health)
        return ProviderHealth(provider, health.healthy, health.message, provider.checked_at or self.now())

    async def record(self, provider: Provider, health: Health) -> Provider:
        """Write it when it changes anything, and now and then that it was checked."""
        known = provider.failures == 0 and provider.status is ProviderStatus.ACTIVE
        at = self.now()
        if (
            health.healthy
            and known
            and provider.checked_at is not None
            and at - provider.checked_at < TOLD_EVERY
        ):
            return provider
        is_news = not (health.healthy and known) or provider.checked_at is None
        save = self.change.on if is_news else self.change.quietly
        after = await save(provider.id, lambda p: p.report_health(health.healthy, health.message, at=at))
        if after.status is not provider.status:
            log.warning("Provider %s is %s: %s", after.name, after.status, health.message or "it answers")
        return after

    def _as_known(self, provider: Provider) -> ProviderHealth:
        """What the replica that sees to it found last: from here it cannot be probed."""
        checked_at = provider.checked_at or self.now()
        if self.landscape.plugin(provider.id) is None and provider.checked_at is None:
            return ProviderHealth(provider, False, "is not available on this control plane", checked_at)
        healthy = provider.takes_work and provider.failures == 0
        return ProviderHealth(provider, healthy, provider.note, checked_at)
