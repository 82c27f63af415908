"""What tallies say about a time."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from attrs import frozen

from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.metrics.histogram import quantile
from hodei_domain.metrics.tally import FIVE_MINUTES, HOUR, MINUTE, Measure, Sum

RANGES: Mapping[str, tuple[timedelta, timedelta]] = {
    "1h": (HOUR, MINUTE),
    "24h": (24 * HOUR, FIVE_MINUTES),
    "7d": (7 * 24 * HOUR, HOUR),
    "30d": (30 * 24 * HOUR, 6 * HOUR),
}
"""The times that can be asked for, and the width of a point in their graphs."""


def range_of(text: str) -> tuple[timedelta, timedelta]:
    """A time and the width of its points, by name. Raises InvalidInput."""
    try:
        return RANGES[text]
    except KeyError:
        raise InvalidInput(f"{text!r} is not one of {', '.join(RANGES)}", field="range") from None


@frozen(kw_only=True)
class Times:
    """Durations in seconds: how many, their mean and percentiles; None of each where there are none."""

    count: int = 0
    mean: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


def times_of(sums: Iterable[Sum]) -> Times:
    """Mean and percentiles of what these count."""
    counts: dict[int, int] = {}
    total = 0.0
    for each in sums:
        counts[each.bucket] = counts.get(each.bucket, 0) + each.count
        total += each.total
    count = sum(counts.values())
    if not count:
        return Times()
    return Times(
        count=count,
        mean=total / count,
        p50=quantile(counts, 0.5),
        p95=quantile(counts, 0.95),
        p99=quantile(counts, 0.99),
    )


@frozen(kw_only=True)
class ProviderUse:
    """On average over the time: cores and bytes that jobs used, and workers that were busy."""

    provider: str
    cpu_cores: float = 0.0
    memory_bytes: float = 0.0
    busy_workers: float = 0.0
    finished: int = 0


@frozen(kw_only=True)
class Summary:
    """A time at a glance. `finished` counts jobs by their end; `total` runs from submission to end."""

    since: datetime
    until: datetime
    submitted: int
    finished: Mapping[str, int]
    queue: Times
    start: Times
    run: Times
    total: Times
    providers: tuple[ProviderUse, ...]


def summarize(sums: Iterable[Sum], since: datetime, until: datetime) -> Summary:
    """What the sums of that time come to."""
    found: dict[Measure, list[Sum]] = {measure: [] for measure in Measure}
    for each in sums:
        found[each.measure].append(each)
    finished: dict[str, int] = {}
    for each in found[Measure.FINISHED]:
        finished[each.state] = finished.get(each.state, 0) + each.count
    return Summary(
        since=since,
        until=until,
        submitted=sum(each.count for each in found[Measure.SUBMITTED]),
        finished=finished,
        queue=times_of(found[Measure.QUEUE]),
        start=times_of(found[Measure.START]),
        run=times_of(found[Measure.RUN]),
        total=times_of(found[Measure.FINISHED]),
        providers=_providers(found, (until - since).total_seconds()),
    )


def _providers(found: Mapping[Measure, list[Sum]], seconds: float) -> tuple[ProviderUse, ...]:
    told = (Measure.CPU, Measure.MEMORY, Measure.BUSY, Measure.FINISHED)
    names = sorted({each.provider for measure in told for each in found[measure] if each.provider})

    def mean(measure: Measure, provider: str) -> float:
        return sum(each.total for each in found[measure] if each.provider == provider) / seconds

    return tuple(
        ProviderUse(
            provider=name,
            cpu_cores=mean(Measure.CPU, name),
            memory_bytes=mean(Measure.MEMORY, name),
            busy_workers=mean(Measure.BUSY, name),
            finished=sum(each.count for each in found[Measure.FINISHED] if each.provider == name),
        )
        for name in names
    )
