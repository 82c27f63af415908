"""Use of resources and times of jobs, as clients see them."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from hodei_application.metrics.read_metrics import Overview
from hodei_domain.jobs.state import FAILURES
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.metrics.summary import Times
from hodei_domain.metrics.usage import NO_JOB, UsageSample
from hodei_domain.workers.worker import Worker
from hodei_proto.wire import hodei as wire

MIB = 1024 * 1024
KINDS = frozenset({"cpu", "memory", "disk", "network", "custom"})


def kinds_of(told: Iterable[str]) -> frozenset[str]:
    """What is asked for; all of it if nothing is said. Raise InvalidInput."""
    asked = frozenset(each.lower() for each in told)
    if unknown := asked - KINDS:
        raise InvalidInput(
            f"{sorted(unknown)[0][:40]!r} is not one of {', '.join(sorted(KINDS))}", field="metric_types"
        )
    return asked or KINDS


def to_real_time(sample: UsageSample, machine: Worker | None, kinds: Collection[str]) -> wire.RealTimeMetrics:
    """A sample. What the worker does not tell (load, mount points, packets) is left out."""
    told = wire.RealTimeMetrics(worker_id=wire.WorkerId(value=str(sample.worker_id)), timestamp=sample.at)
    if "cpu" in kinds:
        told.cpu = wire.CpuUsage(usage_percent=_per_cent(sample.cpu_cores, machine))
    if "memory" in kinds:
        told.memory = _memory(sample, machine)
    if "network" in kinds:
        told.network = wire.NetworkUsage(
            bytes_sent=sample.network_sent_bytes, bytes_received=sample.network_received_bytes
        )
    if "custom" in kinds or "disk" in kinds:
        told.custom = [wire.CustomMetric(name=n, value=v, unit=u) for n, v, u in _others(sample, kinds)]
    return told


def _others(sample: UsageSample, kinds: Collection[str]) -> list[tuple[str, str, str]]:
    """What has no field of its own: name, value, unit."""
    found: list[tuple[str, str, str]] = []
    if "custom" in kinds:
        if sample.job_id != NO_JOB:
            found = [("job_id", str(sample.job_id), ""), ("attempt", str(sample.attempt), "")]
        found.append(("cpu_cores", f"{sample.cpu_cores:.4g}", "cores"))
    if "disk" in kinds:
        found.append(("disk_read_bytes", str(sample.disk_read_bytes), "bytes"))
        found.append(("disk_written_bytes", str(sample.disk_written_bytes), "bytes"))
    return found


def _per_cent(cores: float, machine: Worker | None) -> float:
    """Of all cores of the worker; of one where nobody knows how many there are."""
    of = machine.capacity.cpu_cores if machine is not None else 0
    return cores * 100 / (of or 1)


def _memory(sample: UsageSample, machine: Worker | None) -> wire.MemoryUsage:
    total = machine.capacity.memory_mib * MIB if machine is not None else 0
    used = sample.memory_bytes
    return wire.MemoryUsage(
        total_bytes=total,
        used_bytes=used,
        available_bytes=max(total - used, 0),
        usage_percent=used * 100 / total if total else 0.0,
    )


def to_aggregated(
    request: wire.MetricsQuery, samples: Sequence[UsageSample], machines: Mapping[WorkerId, Worker]
) -> wire.AggregatedMetrics:
    """Means and maxima. Without samples all numbers are zero."""
    told = wire.AggregatedMetrics(
        worker_id=request.worker_id,
        execution_id=request.execution_id,
        window_start=request.from_timestamp,
        window_end=request.to_timestamp,
    )
    if not samples:
        return told
    last = samples[-1]
    machine = machines.get(last.worker_id)
    weight = sum(each.samples for each in samples)
    told.worker_id = wire.WorkerId(value=str(last.worker_id))
    told.window_start = request.from_timestamp or samples[0].at
    told.window_end = request.to_timestamp or last.at
    if request.execution_id is not None:
        told.job_id = wire.JobId(value=str(last.job_id))
    told.avg_cpu_usage = _per_cent(sum(s.cpu_cores * s.samples for s in samples) / weight, machine)
    told.max_cpu_usage = _per_cent(max(s.cpu_cores_max for s in samples), machine)
    told.avg_memory_usage = sum(s.memory_bytes * s.samples for s in samples) / weight
    told.max_memory_usage = float(max(s.memory_bytes_max for s in samples))
    told.total_network_sent, told.total_network_received = _moved(samples)
    return told


def _moved(samples: Sequence[UsageSample]) -> tuple[int, int]:
    """Bytes sent and received: each attempt counts from its start, so of each the last word holds."""
    sent: dict[object, int] = {}
    received: dict[object, int] = {}
    for each in samples:
        key = (each.job_id, each.attempt)
        sent[key] = max(sent.get(key, 0), each.network_sent_bytes)
        received[key] = max(received.get(key, 0), each.network_received_bytes)
    return sum(sent.values()), sum(received.values())


def to_series(
    request: wire.MetricsQuery,
    samples: Sequence[UsageSample],
    machines: Mapping[WorkerId, Worker],
    kinds: Collection[str],
) -> wire.TimeSeriesMetrics:
    """Every sample."""
    return wire.TimeSeriesMetrics(
        worker_id=request.worker_id,
        from_timestamp=request.from_timestamp or (samples[0].at if samples else None),
        to_timestamp=request.to_timestamp or (samples[-1].at if samples else None),
        data_points=[to_real_time(each, machines.get(each.worker_id), kinds) for each in samples],
    )


def to_job_metrics(overview: Overview) -> wire.JobMetrics:
    """A time at a glance."""
    summary = overview.summary
    return wire.JobMetrics(
        window_start=summary.since,
        window_end=summary.until,
        jobs_by_state={state.value: count for state, count in overview.jobs_by_state.items()},
        submitted=summary.submitted,
        failed=sum(overview.jobs_by_state[state] for state in FAILURES),
        queue=_durations(summary.queue),
        start=_durations(summary.start),
        run=_durations(summary.run),
        total=_durations(summary.total),
        providers=[
            wire.ProviderUse(
                provider=each.provider,
                cpu_cores=each.cpu_cores,
                memory_bytes=round(each.memory_bytes),
                busy_workers=each.busy_workers,
                finished_jobs=each.finished,
            )
            for each in summary.providers
        ],
    )


def _durations(times: Times) -> wire.Durations:
    return wire.Durations(
        count=times.count,
        mean_seconds=times.mean or 0.0,
        p50_seconds=times.p50 or 0.0,
        p95_seconds=times.p95 or 0.0,
        p99_seconds=times.p99 or 0.0,
    )
