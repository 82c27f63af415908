"""Durations counted by buckets of one fixed scale, so that counts from any time and place can be added.

Four buckets to a doubling, from a millisecond up: each is 19 % wider than the one before, and a percentile
that is read from them is off by less than that, mostly by a few per cent.
"""

from collections.abc import Mapping
from math import ceil, floor, log2

PER_DOUBLING = 4
SHORTEST = 0.001
"""Seconds. All that is shorter shares bucket 0."""

LAST = 128
"""The bucket of everything above 49 days."""


def bucket_of(seconds: float) -> int:
    """The bucket of a duration."""
    if seconds < SHORTEST:
        return 0
    return min(floor(log2(seconds / SHORTEST) * PER_DOUBLING) + 1, LAST)


def bounds_of(bucket: int) -> tuple[float, float]:
    """From which duration on, and below which, in seconds."""
    if bucket <= 0:
        return 0.0, SHORTEST
    return (
        SHORTEST * 2 ** ((bucket - 1) / PER_DOUBLING),
        SHORTEST * 2 ** (bucket / PER_DOUBLING),
    )


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The duration, in seconds, that so large a share (0 to 1) of all does not exceed; None without any.

    Within a bucket the durations are taken to be spread evenly.
    """
    total = sum(counts.values())
    if total <= 0:
        return None
    wanted = min(max(ceil(share * total), 1), total)
    seen = 0
    for bucket in sorted(counts):
        count = counts[bucket]
        if seen + count >= wanted:
            low, high = bounds_of(bucket)
            return low + (high - low) * (wanted - seen - 0.5) / count
        seen += count
    raise AssertionError("the wanted rank is not above the total")
