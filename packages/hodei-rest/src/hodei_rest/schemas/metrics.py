"""How long jobs take and what they use."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from hodei_rest.schemas.jobs import StateName

RangeName = Literal["1h", "24h", "7d", "30d"]
ByName = Literal["state", "provider"]


class Durations(Struct, kw_only=True):
    """Milliseconds: how many, their mean and percentiles; null where there are none. Percentiles are read
    from a histogram and right to a few per cent.
    """

    count: int
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class ProviderUse(Struct, kw_only=True):
    """What jobs of a provider used, on average over the time."""

    provider: str
    cpu_cores: float
    memory_bytes: int
    busy_workers: float
    finished: int


class MetricsSummary(Struct, kw_only=True):
    """A time at a glance. Jobs that have ended count if they ended within it, the others as they are now."""

    range: RangeName
    since: datetime
    until: datetime
    jobs_by_state: dict[StateName, int]
    submitted: int
    finished: int
    failed: Annotated[int, Meta(description="Those that ended as FAILED or TIMEOUT within the time")]
    success_rate: Annotated[
        float | None, Meta(description="0 to 1, of those that ended without being cancelled")
    ]
    throughput_per_minute: float
    queue_ms: Annotated[Durations, Meta(description="From the queue to a worker")]
    start_ms: Annotated[Durations, Meta(description="From the worker to the start of the process")]
    run_ms: Annotated[Durations, Meta(description="From the start of the process to its end")]
    total_ms: Annotated[Durations, Meta(description="From submission to end")]
    providers: list[ProviderUse]


class SeriesLine(Struct, kw_only=True):
    """One line of a graph: pairs of time (milliseconds since 1970, the beginning of the step) and value."""

    labels: dict[str, str]
    points: list[tuple[int, float]]


class UsageSample(Struct, kw_only=True):
    """What an attempt used at a time. Disk and network are bytes since it started."""

    time: datetime
    attempt: int
    worker_id: str
    cpu_cores: float
    memory_bytes: int
    memory_bytes_max: Annotated[int, Meta(description="The most, where the sample is a mean of several")]
    disk_read_bytes: int
    disk_write_bytes: int
    net_rx_bytes: int
    net_tx_bytes: int
