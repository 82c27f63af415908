"""The providers and their plugins, as this replica knows them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from attrs import define, evolve, field
from hodei_domain.kernel.demand import ANY, DemandClass
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.provider import Provider
from hodei_domain.scheduling.offers import ProviderOffer, WorkerOffer, provider_offer

from hodei_application.ports import PluginFactory
from hodei_application.scheduling.census import Census

log = logging.getLogger("hodei.providers")


@define(eq=False)
class Landscape:
    """A copy of the provider rows, and for each the plugin that serves it here.

    The rows are the truth; the copy is renewed by every survey of the leader loop and by the use cases that
    change providers. With `others_serve` a provider that has no plugin here is taken to have one at another
    replica. `generation` rises with every change, so that what was concluded from it can be dropped.
    `kept` are the providers that this replica sees to, `unkept` those that no replica sees to.
    """

    make: PluginFactory
    others_serve: bool = False
    generation: int = field(default=0, init=False)
    kept: frozenset[ProviderId] = field(default=frozenset(), init=False)
    unkept: frozenset[ProviderId] = field(default=frozenset(), init=False)
    _providers: dict[ProviderId, Provider] = field(factory=dict, init=False)
    _plugins: dict[ProviderId, tuple[Any, ProviderPlugin | None]] = field(factory=dict, init=False)

    def __iter__(self) -> Iterator[Provider]:
        return iter(list(self._providers.values()))

    def learn(self, providers: Iterable[Provider]) -> None:
        """All providers there are, as just read."""
        known = {provider.id: provider for provider in providers}
        if known == self._providers:
            return
        self._providers = known
        self._plugins = {id: made for id, made in self._plugins.items() if id in known}
        self.generation += 1

    def keeps(self, provider_id: ProviderId | None) -> bool:
        """Whether this replica sees to the provider."""
        return provider_id in self.kept

    def provider(self, provider_id: ProviderId | None) -> Provider | None:
        """The provider's row."""
        return None if provider_id is None else self._providers.get(provider_id)

    def name(self, provider_id: ProviderId | None) -> str:
        """The provider's name, "" if it is unknown."""
        provider = self.provider(provider_id)
        return "" if provider is None else provider.name

    def out_of_use(self, provider_id: ProviderId | None) -> str:
        """Why this provider's workers get no jobs; "" if they do, as those do that no provider made."""
        provider = self.provider(provider_id)
        return "" if provider is None else provider.out_of_use

    def placed(self, offer: WorkerOffer, provider_id: ProviderId | None) -> WorkerOffer:
        """The worker's offer with the provider it belongs to, and region and labels that it has from that."""
        provider = self.provider(provider_id)
        if provider is None:
            return offer
        can = provider.offered
        return evolve(
            offer,
            provider=provider.name,
            region=offer.region or can.region,
            labels={**can.labels, **offer.labels},
            cost_per_hour=self.cost_per_hour(provider),
        )

    def cost_per_hour(self, provider: Provider, demand: DemandClass = ANY) -> float:
        """Of a worker there for this class: what the operator says, else what its plugin estimates."""
        plugin = self.plugin(provider.id)
        if provider.cost_per_hour is not None or plugin is None or plugin.cost is None:
            return provider.cost_per_hour or 0.0
        return plugin.cost.estimate_cost(demand)

    def plugin(self, provider_id: ProviderId | None) -> ProviderPlugin | None:
        """What serves the provider here; None if nothing can. Made anew when its configuration changes."""
        provider = self.provider(provider_id)
        if provider is None:
            return None
        settings = (provider.name, provider.type, provider.config, provider.metadata)
        made = self._plugins.get(provider.id)
        if made is None or made[0] != settings:
            made = (settings, self._make(provider))
            self._plugins[provider.id] = made
        return made[1]

    def offers(
        self,
        demand: DemandClass,
        *,
        live: Census | None = None,
        retry_at: Mapping[ProviderId, datetime] | None = None,
        trouble: Mapping[ProviderId, str] | None = None,
    ) -> list[ProviderOffer]:
        """What each provider offers for a class. `live` workers count against its limits; `trouble` is what
        was wrong with the last try.
        """
        return [
            evolve(
                self._offer(provider, demand, live or Census(), (retry_at or {}).get(provider.id)),
                trouble=(trouble or {}).get(provider.id, ""),
            )
            for provider in self._providers.values()
        ]

    def _offer(
        self, provider: Provider, demand: DemandClass, live: Census, retry_at: datetime | None
    ) -> ProviderOffer:
        plugin = self.plugin(provider.id)
        pool = provider.pool_for(demand)
        known: dict[str, Any] = {
            "pool": pool,
            "live_workers": live.by_provider[provider.id],
            "pool_live": live.by_pool[provider.id, pool.key],
            "retry_at": retry_at,
            "is_kept": provider.id not in self.unkept,
        }
        known["cost_per_hour"] = self.cost_per_hour(provider, demand)
        if plugin is None:
            return provider_offer(provider, has_plugin=self.others_serve, **known)
        if plugin.cost is not None:
            known["startup_time"] = plugin.cost.startup_time(demand)
        return provider_offer(provider, refusal=plugin.eligibility.why_not(demand), **known)

    def _make(self, provider: Provider) -> ProviderPlugin | None:
        try:
            return self.make(provider)
        except HodeiError as error:
            log.warning("Provider %s cannot be served here: %s", provider.name, error)
            return None
