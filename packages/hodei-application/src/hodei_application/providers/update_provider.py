"""Change, enable, disable and delete providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from hodei_domain.kernel.change import Change
from hodei_domain.providers.provider import Provider

from hodei_application.ports import Clock, PluginFactory, UnitOfWork
from hodei_application.providers.find_provider import Ref, find_provider
from hodei_application.providers.provider_change import ProviderChange


@frozen
class UpdateProvider:
    """Change settings by name: see Provider.update(). Raises ProviderNotFound, InvalidInput."""

    now: Clock
    make: PluginFactory
    change: ProviderChange

    async def __call__(self, ref: Ref, settings: Mapping[str, Any]) -> Provider:
        def update(provider: Provider) -> Change[Provider]:
            change = provider.update(at=self.now(), **settings)
            if not change.is_same:
                self.make(change.after)  # its plugin may refuse the configuration
            return change

        return await self.change.on(ref, update)


@frozen
class EnableProvider:
    """Let workers be made there again. Twice is not an error. Raises ProviderNotFound."""

    now: Clock
    change: ProviderChange

    async def __call__(self, ref: Ref) -> Provider:
        return await self.change.on(ref, lambda provider: provider.enable(at=self.now()))


@frozen
class DisableProvider:
    """Give it no jobs, let its idle workers go and its busy ones after their jobs. Twice is not an error.
    Raises ProviderNotFound.
    """

    now: Clock
    change: ProviderChange

    async def __call__(self, ref: Ref) -> Provider:
        return await self.change.on(ref, lambda provider: provider.disable(at=self.now()))


@frozen
class DeleteProvider:
    """Forget a provider. Raises ProviderNotFound, and ProviderInUse while it has workers."""

    begin: UnitOfWork
    now: Clock
    change: ProviderChange

    async def __call__(self, ref: Ref) -> None:
        async with self.begin() as tx:
            provider = await find_provider(tx, ref)
            await tx.providers.delete(provider.id, provider.removed(at=self.now()))
            await self.change.seen(tx)
        self.change.tell()
