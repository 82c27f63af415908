"""Tallies of this replica that are not written yet."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import define, field
from hodei_domain.metrics.histogram import bucket_of
from hodei_domain.metrics.tally import Measure, Tally

MOST = 20_000
"""Keys that may wait: an hour of a busy replica whose database is away. What would come beyond is dropped."""

_MINUTE = 60

Key = tuple[int, Measure, str, str, int]


@define(eq=False)
class Tallies:
    """Counts things in memory, by the minute."""

    dropped: int = field(default=0, init=False)
    _counts: dict[Key, list[float]] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._counts)

    def time(
        self, measure: Measure, at: datetime, seconds: float, provider: str = "", state: str = ""
    ) -> None:
        """Count something that took so long."""
        seconds = max(0.0, seconds)
        self._add((_minute(at), measure, provider, state, bucket_of(seconds)), seconds)

    def amount(self, measure: Measure, at: datetime, amount: float, provider: str = "") -> None:
        """Count an amount, whose size is of no interest by itself."""
        self._add((_minute(at), measure, provider, "", 0), amount)

    def take(self) -> list[Tally]:
        """All that waits; it does not wait any more."""
        counts, self._counts = self._counts, {}
        return [
            Tally(
                at=datetime.fromtimestamp(minute * _MINUTE, UTC),
                measure=measure,
                provider=provider,
                state=state,
                bucket=bucket,
                count=int(count),
                total=total,
            )
            for (minute, measure, provider, state, bucket), (count, total) in counts.items()
        ]

    def _add(self, key: Key, amount: float) -> None:
        entry = self._counts.get(key)
        if entry is not None:
            entry[0] += 1
            entry[1] += amount
        elif len(self._counts) < MOST:
            self._counts[key] = [1, amount]
        else:
            self.dropped += 1


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // _MINUTE
