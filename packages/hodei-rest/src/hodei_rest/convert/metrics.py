"""Times of jobs and use of resources, as clients see them."""

from __future__ import annotations

from collections.abc import Iterable

from hodei_application.metrics.read_metrics import Overview
from hodei_domain.jobs.state import FAILURES, JobState
from hodei_domain.metrics.series import Series
from hodei_domain.metrics.summary import Times
from hodei_domain.metrics.usage import UsageSample

from hodei_rest.schemas import metrics as schema


def to_summary(overview: Overview, range: schema.RangeName) -> schema.MetricsSummary:
    """A time at a glance."""
    summary, finished = overview.summary, overview.summary.finished
    ended = sum(finished.values())
    judged = ended - finished.get(JobState.CANCELLED.value, 0)
    minutes = (summary.until - summary.since).total_seconds() / 60
    return schema.MetricsSummary(
        range=range,
        since=summary.since,
        until=summary.until,
        jobs_by_state={state.value: count for state, count in overview.jobs_by_state.items()},
        submitted=summary.submitted,
        finished=ended,
        failed=sum(overview.jobs_by_state[state] for state in FAILURES),
        success_rate=finished.get(JobState.SUCCEEDED.value, 0) / judged if judged else None,
        throughput_per_minute=ended / minutes,
        queue_ms=_durations(summary.queue),
        start_ms=_durations(summary.start),
        run_ms=_durations(summary.run),
        total_ms=_durations(summary.total),
        providers=[
            schema.ProviderUse(
                provider=each.provider,
                cpu_cores=each.cpu_cores,
                memory_bytes=round(each.memory_bytes),
                busy_workers=each.busy_workers,
                finished=each.finished,
            )
            for each in summary.providers
        ],
    )


def _durations(times: Times) -> schema.Durations:
    return schema.Durations(
        count=times.count,
        mean=_milliseconds(times.mean),
        p50=_milliseconds(times.p50),
        p95=_milliseconds(times.p95),
        p99=_milliseconds(times.p99),
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def to_lines(lines: Iterable[Series]) -> list[schema.SeriesLine]:
    """The lines of a graph."""
    return [
        schema.SeriesLine(
            labels=dict(line.labels),
            points=[(round(at.timestamp() * 1000), round(value, 6)) for at, value in line.points],
        )
        for line in lines
    ]


def to_sample(sample: UsageSample) -> schema.UsageSample:
    """What an attempt used at a time."""
    return schema.UsageSample(
        time=sample.at,
        attempt=sample.attempt,
        worker_id=str(sample.worker_id),
        cpu_cores=round(sample.cpu_cores, 4),
        memory_bytes=sample.memory_bytes,
        memory_bytes_max=sample.memory_bytes_max,
        disk_read_bytes=sample.disk_read_bytes,
        disk_write_bytes=sample.disk_written_bytes,
        net_rx_bytes=sample.network_received_bytes,
        net_tx_bytes=sample.network_sent_bytes,
    )
