"""List providers."""

from __future__ import annotations

from attrs import frozen
from hodei_domain.providers.provider import ProviderStatus, ProviderType

from hodei_application.ports import UnitOfWork
from hodei_application.providers.find_provider import ProviderView, count_workers


@frozen
class ListProviders:
    """Providers by name, with the number of their workers."""

    begin: UnitOfWork

    async def __call__(
        self,
        *,
        type: ProviderType | None = None,
        status: ProviderStatus | None = None,
        only_with_capacity: bool = False,
    ) -> list[ProviderView]:
        async with self.begin() as tx:
            providers = await tx.providers.list_all()
            counts = await count_workers(tx)
        views = [ProviderView(provider, counts[provider.id]) for provider in providers]
        return [
            view
            for view in views
            if (type is None or view.provider.type is type)
            and (status is None or view.provider.shown_status is status)
            and (not only_with_capacity or view.has_capacity)
        ]


@frozen(kw_only=True)
class ProviderStats:
    """All providers together."""

    total: int
    enabled: int
    with_capacity: int
    max_workers: int
    active_workers: int

    @property
    def utilization_percent(self) -> float:
        """Workers in relation to the limits of the enabled providers, 0 to 100."""
        return 100.0 * self.active_workers / self.max_workers if self.max_workers else 0.0


@frozen
class CountProviders:
    """Sum up the providers; limits are those of the enabled ones."""

    list_providers: ListProviders

    async def __call__(self) -> ProviderStats:
        views = await self.list_providers()
        enabled = [view for view in views if view.provider.enabled]
        return ProviderStats(
            total=len(views),
            enabled=len(enabled),
            with_capacity=sum(view.has_capacity for view in views),
            max_workers=sum(view.provider.max_workers for view in enabled),
            active_workers=sum(view.active_workers for view in views),
        )
