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
    """Ask the plugin; None where this replica has none, or it knows no prices."""

    landscape: Landscape

    def __call__(self, provider: Provider) -> Price | None:
        plugin = self.landscape.plugin(provider.id)
        if plugin is None or plugin.cost is None:
            return None
        return Price(plugin.cost.estimate_cost(ANY), plugin.cost.startup_time(ANY))
