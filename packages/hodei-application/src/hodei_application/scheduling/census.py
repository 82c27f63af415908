"""How many workers there are, for each provider and each of its pools."""

from __future__ import annotations

from collections import Counter

from attrs import define, field
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.providers.pools import PoolKey


@define(eq=False)
class Census:
    """Workers that are not TERMINATED, starting and going ones included: they count against limits."""

    by_provider: Counter[ProviderId] = field(factory=Counter)
    by_pool: Counter[tuple[ProviderId, PoolKey]] = field(factory=Counter)

    def add(self, provider_id: ProviderId, pool: PoolKey, count: int = 1) -> None:
        """So many more."""
        self.by_provider[provider_id] += count
        self.by_pool[provider_id, pool] += count
