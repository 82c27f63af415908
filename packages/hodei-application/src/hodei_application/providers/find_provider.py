"""Find a provider by id or name."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from attrs import frozen
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.providers.errors import ProviderNotFound
from hodei_domain.providers.provider import Provider

from hodei_application.ports import Transaction, UnitOfWork

Ref = ProviderId | str
"""How people and machines name a provider: its id, the id's text, or its name."""


@frozen
class ProviderView:
    """A provider and how many workers it has."""

    provider: Provider
    active_workers: int

    @property
    def has_capacity(self) -> bool:
        """Whether another worker could be made there now."""
        return self.provider.takes_work and self.active_workers < self.provider.max_workers


async def find_provider(tx: Transaction, ref: Ref) -> Provider:
    """Read a provider. Raises ProviderNotFound."""
    if isinstance(ref, UUID):
        return await tx.providers.get(ref)
    named = await tx.providers.by_name(ref)
    if named is not None:
        return named
    try:
        return await tx.providers.get(ProviderId(UUID(ref)))
    except ValueError:
        raise ProviderNotFound(f"there is no provider {ref!r}") from None


async def count_workers(tx: Transaction) -> Counter[ProviderId]:
    """How many workers each provider has, starting and going ones too."""
    return Counter(w.provider_id for w in await tx.workers.live() if w.provider_id is not None)


@frozen
class GetProvider:
    """Read a provider. Raises ProviderNotFound."""

    begin: UnitOfWork

    async def __call__(self, ref: Ref) -> ProviderView:
        async with self.begin() as tx:
            provider = await find_provider(tx, ref)
            return ProviderView(provider, (await count_workers(tx))[provider.id])
