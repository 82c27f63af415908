"""Tallies and samples of use."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

from attrs import frozen
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.metrics import tally as tallies
from hodei_domain.metrics import usage as uses
from hodei_domain.metrics.tally import Measure, Sum, Tally
from hodei_domain.metrics.usage import UsageFilter, UsageSample

from hodei_infrastructure.postgres.session import Row, Session

_TALLY_WIDTHS = sorted({int(width.total_seconds()) for fold in tallies.FOLDS for width in fold[:2]})
_USAGE_WIDTHS = sorted({int(width.total_seconds()) for fold in uses.FOLDS for width in fold[:2]})
_KEY: LiteralString = "width_s, measure, at, provider, state, bucket"
_MERGE_TALLY: LiteralString = """
ON CONFLICT (width_s, measure, at, provider, state, bucket)
DO UPDATE SET count = t.count + excluded.count, total = t.total + excluded.total
"""
# In the order of the key, so that two replicas never wait for each other crosswise.
_ADD = f"""
INSERT INTO metrics_tallies AS t ({_KEY}, count, total)
SELECT * FROM unnest(%s::integer[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::smallint[],
    %s::bigint[], %s::float8[]) AS told ({_KEY}, count, total)
ORDER BY {_KEY}
{_MERGE_TALLY}
"""
_FOLD = f"""
WITH moved AS (
    DELETE FROM metrics_tallies WHERE ({_KEY}) IN (
        SELECT {_KEY} FROM metrics_tallies WHERE width_s = %(narrow)s AND at < %(before)s
        ORDER BY width_s, at LIMIT %(limit)s)
    RETURNING {_KEY}, count, total
), kept AS (
    INSERT INTO metrics_tallies AS t ({_KEY}, count, total)
    SELECT %(wide)s::integer, measure, date_bin(make_interval(secs => %(wide)s::integer), at, 'epoch'),
        provider, state, bucket, sum(count), sum(total)
    FROM moved GROUP BY 2, 3, 4, 5, 6 ORDER BY 2, 3, 4, 5, 6
    {_MERGE_TALLY}
)
SELECT count(*) FROM moved
"""
_PRUNE = f"""
DELETE FROM metrics_tallies WHERE ({_KEY}) IN (
    SELECT {_KEY} FROM metrics_tallies WHERE width_s = ANY(%s) AND at < %s LIMIT %s)
"""

_SAMPLE: LiteralString = (
    "worker_id, at, job_id, attempt, width_s, samples, cpu_cores, cpu_cores_max, memory_bytes, "
    "memory_bytes_max, disk_read_bytes, disk_written_bytes, network_received_bytes, network_sent_bytes"
)
_SAMPLE_KEY: LiteralString = "worker_id, at, job_id, attempt, width_s"
_ADD_USAGE = f"""
INSERT INTO metrics_usage ({_SAMPLE})
SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::uuid[], %s::integer[], %s::integer[], %s::integer[],
    %s::float8[], %s::float8[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::bigint[])
ON CONFLICT DO NOTHING
"""
# A mean weighs its parts; what is counted since the start of the attempt is as it was at the end.
_FOLD_USAGE = f"""
WITH moved AS (
    DELETE FROM metrics_usage WHERE ({_SAMPLE_KEY}) IN (
        SELECT {_SAMPLE_KEY} FROM metrics_usage WHERE width_s = %(narrow)s AND at < %(before)s
        ORDER BY width_s, at LIMIT %(limit)s)
    RETURNING {_SAMPLE}
), kept AS (
    INSERT INTO metrics_usage AS u ({_SAMPLE})
    SELECT worker_id, date_bin(make_interval(secs => %(wide)s::integer), at, 'epoch'), job_id, attempt,
        %(wide)s::integer, sum(samples), sum(cpu_cores * samples) / sum(samples), max(cpu_cores_max),
        (sum(memory_bytes::numeric * samples) / sum(samples))::bigint, max(memory_bytes_max),
        max(disk_read_bytes), max(disk_written_bytes), max(network_received_bytes), max(network_sent_bytes)
    FROM moved GROUP BY 1, 2, 3, 4
    ON CONFLICT ({_SAMPLE_KEY}) DO UPDATE SET
        samples = u.samples + excluded.samples,
        cpu_cores = (u.cpu_cores * u.samples + excluded.cpu_cores * excluded.samples)
            / (u.samples + excluded.samples),
        cpu_cores_max = greatest(u.cpu_cores_max, excluded.cpu_cores_max),
        memory_bytes = ((u.memory_bytes::numeric * u.samples + excluded.memory_bytes::numeric
            * excluded.samples) / (u.samples + excluded.samples))::bigint,
        memory_bytes_max = greatest(u.memory_bytes_max, excluded.memory_bytes_max),
        disk_read_bytes = greatest(u.disk_read_bytes, excluded.disk_read_bytes),
        disk_written_bytes = greatest(u.disk_written_bytes, excluded.disk_written_bytes),
        network_received_bytes = greatest(u.network_received_bytes, excluded.network_received_bytes),
        network_sent_bytes = greatest(u.network_sent_bytes, excluded.network_sent_bytes)
)
SELECT count(*) FROM moved
"""
_PRUNE_USAGE = f"""
DELETE FROM metrics_usage WHERE ({_SAMPLE_KEY}) IN (
    SELECT {_SAMPLE_KEY} FROM metrics_usage WHERE width_s = ANY(%s) AND at < %s LIMIT %s)
"""


@frozen
class PostgresMetricsStore:
    """MetricsStore."""

    _session: Session

    async def add(self, tallies: Sequence[Tally]) -> None:
        """See MetricsStore."""
        if not tallies:
            return
        rows = [
            (_seconds(t.width), t.measure.value, t.at, t.provider, t.state, t.bucket, t.count, t.total)
            for t in tallies
        ]
        await self._session.run(_ADD, [list(column) for column in zip(*rows, strict=True)])

    async def add_usage(self, samples: Sequence[UsageSample]) -> None:
        """See MetricsStore."""
        if samples:
            columns = zip(*map(_sample_row, samples), strict=True)
            await self._session.run(_ADD_USAGE, [list(column) for column in columns])

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
        at: LiteralString = "%(since)s::timestamptz" if step is None else "date_bin(%(step)s, at, %(since)s)"
        bucket: LiteralString = "bucket" if by_bucket else "0"
        rows = await self._session.rows(
            f"SELECT {at}, measure, provider, state, {bucket}, sum(count)::bigint, sum(total) "
            "FROM metrics_tallies WHERE width_s = ANY(%(widths)s) AND measure = ANY(%(measures)s) "
            "AND at >= %(since)s AND at < %(until)s GROUP BY 1, 2, 3, 4, 5 ORDER BY 1",
            {
                "since": since,
                "until": until,
                "step": step,
                "widths": _TALLY_WIDTHS,
                "measures": [measure.value for measure in measures],
            },
        )
        return [_sum(row) for row in rows]

    async def usage(self, wanted: UsageFilter) -> list[UsageSample]:
        """See MetricsStore."""
        rows = await self._session.rows(
            f"SELECT {_SAMPLE} FROM metrics_usage WHERE {_where(wanted)} ORDER BY at DESC, worker_id DESC "
            "LIMIT %(limit)s",
            {
                "worker": wanted.worker_id,
                "job": wanted.job_id,
                "attempt": wanted.attempt,
                "since": wanted.since,
                "until": wanted.until,
                "limit": wanted.limit,
            },
        )
        return [_sample(row) for row in reversed(rows)]

    async def fold(self, narrow: timedelta, wide: timedelta, before: datetime, limit: int) -> int:
        """See MetricsStore."""
        return await self._fold(_FOLD, narrow, wide, before, limit)

    async def fold_usage(self, narrow: timedelta, wide: timedelta, before: datetime, limit: int) -> int:
        """See MetricsStore."""
        return await self._fold(_FOLD_USAGE, narrow, wide, before, limit)

    async def _fold(
        self, query: LiteralString, narrow: timedelta, wide: timedelta, before: datetime, limit: int
    ) -> int:
        asked = {"narrow": _seconds(narrow), "wide": _seconds(wide), "before": before, "limit": limit}
        folded: int = await self._session.value(query, asked)
        return folded

    async def prune(self, before: datetime, limit: int) -> int:
        """See MetricsStore."""
        return await self._session.run(_PRUNE, (_TALLY_WIDTHS, before, limit))

    async def prune_usage(self, before: datetime, limit: int) -> int:
        """See MetricsStore."""
        return await self._session.run(_PRUNE_USAGE, (_USAGE_WIDTHS, before, limit))


def _where(wanted: UsageFilter) -> LiteralString:
    found: list[LiteralString] = []
    if wanted.worker_id is not None:
        found.append("worker_id = %(worker)s")
    if wanted.job_id is not None:
        found.append("job_id = %(job)s")
    if wanted.attempt is not None:
        found.append("attempt = %(attempt)s")
    if wanted.since is not None:
        found.append("at >= %(since)s")
    if wanted.until is not None:
        found.append("at < %(until)s")
    return " AND ".join(found) or "true"


def _seconds(width: timedelta) -> int:
    return int(width.total_seconds())


def _sum(row: Row) -> Sum:
    at, measure, provider, state, bucket, count, total = row
    return Sum(
        at=at,
        measure=Measure(measure),
        provider=provider,
        state=state,
        bucket=bucket,
        count=count,
        total=total,
    )


def _sample_row(sample: UsageSample) -> tuple[Any, ...]:
    return (
        sample.worker_id,
        sample.at,
        sample.job_id,
        sample.attempt,
        _seconds(sample.width),
        sample.samples,
        sample.cpu_cores,
        sample.cpu_cores_max,
        sample.memory_bytes,
        sample.memory_bytes_max,
        sample.disk_read_bytes,
        sample.disk_written_bytes,
        sample.network_received_bytes,
        sample.network_sent_bytes,
    )


def _sample(row: Row) -> UsageSample:
    worker_id, at, job_id, attempt, width_s, samples, cpu, cpu_max, memory, memory_max, *bytes_moved = row
    read, written, received, sent = bytes_moved
    return UsageSample(
        worker_id=WorkerId(worker_id),
        at=at,
        job_id=JobId(job_id),
        attempt=attempt,
        width=timedelta(seconds=width_s),
        samples=samples,
        cpu_cores=cpu,
        cpu_cores_max=cpu_max,
        memory_bytes=memory,
        memory_bytes_max=memory_max,
        disk_read_bytes=read,
        disk_written_bytes=written,
        network_received_bytes=received,
        network_sent_bytes=sent,
    )
