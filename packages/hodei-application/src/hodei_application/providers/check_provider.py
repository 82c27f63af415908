"""Probe providers."""

from __future__ import annotations

import logging
from datetime import datetime

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
        if self.landscape.others_serve:  # what cannot be seen from here is no news of the provider
            seen = provider.checked_at or provider.updated_at
            return ProviderHealth(provider, provider.failures == 0, provider.health_message, seen)
        health = await self._probe(provider)
        provider = await self.record(provider, health)
        return ProviderHealth(provider, health.healthy, health.message, provider.checked_at or self.now())

    async def record(self, provider: Provider, health: Health) -> Provider:
        """Write it when it changes anything; a row that is rewritten at each probe would tell nobody more."""
        known = provider.failures == 0 and provider.status is ProviderStatus.ACTIVE
        if health.healthy and known and provider.checked_at is not None:
            return provider
        at = self.now()
        after = await self.change.on(
            provider.id, lambda p: p.report_health(health.healthy, health.message, at=at)
        )
        if after.status is not provider.status:
            log.warning("Provider %s is %s: %s", after.name, after.status, health.message or "it answers")
        return after

    async def _probe(self, provider: Provider) -> Health:
        plugin = self.landscape.plugin(provider.id)
        if plugin is None:
            return Health(healthy=False, message="is not available on this control plane")
        return await probe(plugin.health.check_health)
