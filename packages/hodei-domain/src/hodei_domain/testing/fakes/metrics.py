"""Tallies and samples in memory."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve, frozen

from hodei_domain.metrics.tally import Measure, Sum, Tally
from hodei_domain.metrics.usage import UsageFilter, UsageSample
from hodei_domain.testing.fakes.holder import OfTransaction
from hodei_domain.testing.fakes.tables import Table

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


@frozen
class MemoryMetrics(OfTransaction):
    """MetricsStore."""

    async def add(self, tallies: Sequence[Tally]) -> None:
        """See MetricsStore."""
        for tally in tallies:
            known = self.tables.tallies.rows.get(tally.key)
            if known is not None:
                both = evolve(tally, count=known.count + tally.count, total=known.total + tally.total)
                self.tables.tallies.put(tally.key, both)
            else:
                self.tables.tallies.put(tally.key, tally)

    async def add_usage(self, samples: Sequence[UsageSample]) -> None:
        """See MetricsStore."""
        for sample in samples:
            if _key(sample) not in self.tables.usage.rows:
                self.tables.usage.put(_key(sample), sample)

    async def sums(
        self,
        measures: Collection[Measure],
        since: datetime,
        until: datetime,
        step: timedelta | None = None,
        *,
        by_bucket: bool = True,
    ) -> list[Sum]:
        """See MetricsStore."""
        found: dict[Any, Sum] = {}
        for tally in self.tables.tallies.rows.values():
            if tally.measure not in measures or not since <= tally.at < until:
                continue
            at = since if step is None else since + (tally.at - since) // step * step
            bucket = tally.bucket if by_bucket else 0
            key = (at, tally.measure, tally.provider, tally.state, bucket)
            known = found.get(key)
            found[key] = Sum(
                at=at,
                measure=tally.measure,
                provider=tally.provider,
                state=tally.state,
                bucket=bucket,
                count=tally.count + (known.count if known else 0),
                total=tally.total + (known.total if known else 0.0),
            )
        return sorted(found.values(), key=lambda each: each.at)

    async def usage(self, wanted: UsageFilter) -> list[UsageSample]:
        """See MetricsStore."""
        found = [
            sample
            for sample in self.tables.usage.rows.values()
            if wanted.worker_id in (None, sample.worker_id)
            and wanted.job_id in (None, sample.job_id)
            and wanted.attempt in (None, sample.attempt)
            and (wanted.since or _FIRST) <= sample.at < (wanted.until or _LAST)
        ]
        return sorted(found, key=lambda sample: (sample.at, sample.worker_id))[-wanted.limit :]

    async def fold(self, narrow: timedelta, wide: timedelta, before: datetime, limit: int) -> int:
        """See MetricsStore."""
        rows = self.tables.tallies
        old = _oldest(rows, lambda tally: tally.width == narrow and tally.at < before, limit)
        for tally in old:
            rows.drop(tally.key)
        await self.add([evolve(tally, width=wide, at=_floor(tally.at, wide)) for tally in old])
        return len(old)

    async def fold_usage(self, narrow: timedelta, wide: timedelta, before: datetime, limit: int) -> int:
        """See MetricsStore."""
        rows = self.tables.usage
        old = _oldest(rows, lambda sample: sample.width == narrow and sample.at < before, limit)
        groups: dict[Any, list[UsageSample]] = {}
        for sample in old:
            rows.drop(_key(sample))
            moved = evolve(sample, width=wide, at=_floor(sample.at, wide))
            groups.setdefault(_key(moved), []).append(moved)
        for key, group in groups.items():
            known = rows.rows.get(key)
            rows.put(key, _mean([*group, known] if known else group))
        return len(old)

    async def prune(self, before: datetime, limit: int) -> int:
        """See MetricsStore."""
        return _prune(self.tables.tallies, before, limit)

    async def prune_usage(self, before: datetime, limit: int) -> int:
        """See MetricsStore."""
        return _prune(self.tables.usage, before, limit)


def _oldest(table: Table[Any, Any], which: Callable[[Any], bool], limit: int) -> list[Any]:
    return sorted((row for row in table.rows.values() if which(row)), key=lambda row: row.at)[:limit]


def _prune(table: Table[Any, Any], before: datetime, limit: int) -> int:
    old = [key for key, row in table.rows.items() if row.at < before][:limit]
    for key in old:
        table.drop(key)
    return len(old)


def _floor(at: datetime, width: timedelta) -> datetime:
    return _EPOCH + (at - _EPOCH) // width * width


def _key(sample: UsageSample) -> tuple[Any, ...]:
    return (sample.worker_id, sample.job_id, sample.attempt, sample.at, sample.width)


def _mean(samples: Iterable[UsageSample]) -> UsageSample:
    found = list(samples)
    weight = sum(each.samples for each in found)
    return evolve(
        found[0],
        samples=weight,
        cpu_cores=sum(each.cpu_cores * each.samples for each in found) / weight,
        cpu_cores_max=max(each.cpu_cores_max for each in found),
        memory_bytes=sum(each.memory_bytes * each.samples for each in found) // weight,
        memory_bytes_max=max(each.memory_bytes_max for each in found),
        disk_read_bytes=max(each.disk_read_bytes for each in found),
        disk_written_bytes=max(each.disk_written_bytes for each in found),
        network_received_bytes=max(each.network_received_bytes for each in found),
        network_sent_bytes=max(each.network_sent_bytes for each in found),
    )
