"""What a worker of a provider costs."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen
from hodei_domain.kernel.demand import ANY
from hodei_domain.providers.provider import Provider

from hodei_application.scheduling.landscape import Landscape


@frozen
class Price:
    """Of a worker for a job that asks for nothing special: `per_hour` in the installation's currency, and how
    long it usually takes until it is ready.
    """

    per_hour: float
    startup: timedelta


@frozen
class PriceProvider:
    """What the operator says, else what the plugin does; None where this replica has none, or it knows no
    prices.
    """

    landscape: Landscape

    def __call__(self, provider: Provider) -> Price | None:
        plugin = self.landscape.plugin(provider.id)
        if provider.cost_per_hour is None and (plugin is None or plugin.cost is None):
            return None
        startup = timedelta(0) if plugin is None or plugin.cost is None else plugin.cost.startup_time(ANY)
        return Price(self.landscape.cost_per_hour(provider), startup)
