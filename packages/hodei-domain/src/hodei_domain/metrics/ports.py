"""What the metrics room needs from a store."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from hodei_domain.metrics.tally import Measure, Sum, Tally
from hodei_domain.metrics.usage import UsageFilter, UsageSample


class MetricsStore(Protocol):
    """Tallies and samples. Nothing that jobs depend on; losing some of it harms nobody."""

    async def add(self, tallies: Sequence[Tally]) -> None:
        """Add to what is there under the same keys. Several replicas may add to one key at once."""
        ...

    async def add_usage(self, samples: Sequence[UsageSample]) -> None:
        """Keep samples. One that is there already (worker, attempt and time) changes nothing."""
        ...

    async def sums(
        self,
        measures: Collection[Measure],
        since: datetime,
        until: datetime,
        step: timedelta | None = None,
        *,
        by_bucket: bool = True,
    ) -> list[Sum]:
        """What was counted from `since` on and before `until`, added up by measure, provider and state.

        Also by bucket, unless told otherwise (it is 0 then); and by `step`, counted from `since`, if one is
        given. A tally belongs to where it begins. Ordered by time.
        """
        ...

    async def usage(self, wanted: UsageFilter) -> list[UsageSample]:
        """The newest `limit` samples, oldest first."""
        ...

    async def fold(self, narrow: timedelta, wide: timedelta, before: datetime, limit: int) -> int:
        """Turn at most `limit` tallies of a width that begin before into ones of a wider one; how many.

        Sums stay what they are.
        """
        ...

    async def fold_usage(self, narrow: timedelta, wide: timedelta, before: datetime, limit: int) -> int:
        """Turn at most about `limit` samples of a width from before into means of a wider one; how many."""
        ...

    async def prune(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` tallies that begin before; returns how many."""
        ...

    async def prune_usage(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` samples from before; returns how many."""
        ...
