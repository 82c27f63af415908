"""Register a provider."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, field, frozen
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import ProviderAlreadyExists
from hodei_domain.providers.pools import NO_RULES, Pool, PoolRules
from hodei_domain.providers.provider import Provider, ProviderType

from hodei_application.ports import Clock, NewId, PluginFactory, UnitOfWork
from hodei_application.providers.provider_change import ProviderChange


@frozen(kw_only=True)
class NewProvider:
    """What somebody says about a new provider. Without `capabilities` its plugin is asked."""

    name: str
    type: ProviderType
    config: Mapping[str, Any] = field(factory=dict)
    priority: int = 0
    max_workers: int = 10
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(factory=dict)
    capabilities: Capabilities | None = None
    pool: PoolRules = NO_RULES
    pools: tuple[Pool, ...] = ()
    region: str = ""
    labels: Mapping[str, str] = field(factory=dict)
    cost_per_hour: float | None = None

    def registered(self, id: ProviderId, at: datetime) -> Change[Provider]:
        """The provider that this describes. Raises InvalidInput."""
        return Provider.register(
            id,
            self.name,
            self.type,
            at=at,
            priority=self.priority,
            max_workers=self.max_workers,
            tags=self.tags,
            metadata=self.metadata,
            config=self.config,
            pool=self.pool,
            pools=self.pools,
            region=self.region,
            labels=self.labels,
            cost_per_hour=self.cost_per_hour,
            capabilities=self.capabilities or Capabilities(),
        )


@frozen(kw_only=True)
class RegisterProvider:
    """Make a provider known. Raises InvalidInput for what its plugin cannot take and where there is none for
    its type, ProviderAlreadyExists.
    """

    begin: UnitOfWork
    now: Clock
    new_id: NewId
    make: PluginFactory
    change: ProviderChange

    async def __call__(self, new: NewProvider) -> Provider:
        registered = new.registered(ProviderId(self.new_id()), self.now())
        plugin = self.make(registered.after)
        if plugin is not None and new.capabilities is None:
            after = evolve(registered.after, capabilities=plugin.capabilities)
            registered = evolve(registered, after=after)
        async with self.begin() as tx:
            if await tx.providers.by_name(new.name) is not None:
                raise ProviderAlreadyExists(f"there is a provider {new.name!r} already")
            await tx.providers.save([registered])
            await self.change.seen(tx)
        self.change.tell()
        return registered.after


@frozen(kw_only=True)
class EnsureProvider:
    """Register a provider unless one of its name is there; for those that a server brings along."""

    begin: UnitOfWork
    register: RegisterProvider

    async def __call__(self, new: NewProvider) -> Provider:
        try:
            return await self.register(new)
        except ProviderAlreadyExists:
            async with self.begin() as tx:
                present = await tx.providers.by_name(new.name)
            if present is None:
                raise
            return present
