"""Providers in memory."""

from collections.abc import Sequence

from attrs import frozen

from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.providers.errors import (
    ProviderAlreadyExists,
    ProviderChangedMeanwhile,
    ProviderInUse,
    ProviderNotFound,
)
from hodei_domain.providers.events import ProviderRemoved
from hodei_domain.providers.provider import Provider
from hodei_domain.testing.fakes.holder import OfTransaction


@frozen
class MemoryProviders(OfTransaction):
    """ProviderStore."""

    async def get(self, id: ProviderId) -> Provider:
        """See ProviderStore."""
        provider = self.tables.providers.rows.get(id)
        if provider is None:
            raise ProviderNotFound(f"there is no provider {id}")
        return provider

    async def by_name(self, name: str) -> Provider | None:
        """See ProviderStore."""
        return next((p for p in self.tables.providers.rows.values() if p.name == name), None)

    async def list_all(self) -> list[Provider]:
        """See ProviderStore."""
        return sorted(self.tables.providers.rows.values(), key=lambda provider: provider.name)

    async def save(self, changes: Sequence[Change[Provider]]) -> None:
        """See ProviderStore."""
        for change in changes:
            if change.is_same:
                continue
            provider = change.after
            stored = self.tables.providers.rows.get(provider.id)
            if (0 if stored is None else stored.version) != change.base:
                raise self.refuse(ProviderChangedMeanwhile(f"provider {provider.name} was saved meanwhile"))
            named = await self.by_name(provider.name)
            if named is not None and named.id != provider.id:
                raise self.refuse(ProviderAlreadyExists(f"there is a provider {provider.name} already"))
            self.tables.providers.put(provider.id, provider)
            self.tables.record(change.events)

    async def delete(self, id: ProviderId, event: ProviderRemoved) -> None:
        """See ProviderStore."""
        provider = await self.get(id)
        if any(w.provider_id == id and not w.is_over for w in self.tables.workers.rows.values()):
            raise ProviderInUse(f"provider {provider.name} still has workers")
        self.tables.providers.drop(id)
        self.tables.record((event,))
