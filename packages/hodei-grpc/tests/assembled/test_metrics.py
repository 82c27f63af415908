"""What jobs use and how long they take, from a real agent to a client."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc
import pytest
from hodei_grpc.client import CallFailed
from hodei_grpc.methods import MetricsService
from hodei_proto.wire import hodei as wire

Platform = Any  # of conftest.py
WITHIN = 30  # seconds

pytestmark = [pytest.mark.postgres, pytest.mark.e2e]

HUNGRY = "x = bytearray(60_000_000)\nwhile True: pass"


async def test_a_running_job_is_watched_closely_and_its_samples_are_kept(platform: Platform) -> None:
    job = await platform.queue("python3", "-c", HUNGRY)
    running = await platform.until(job, "RUNNING")
    worker = running.executions[-1].worker_id
    request = wire.MetricsStreamRequest(worker_id=worker, interval=timedelta(seconds=1))
    seen: list[wire.RealTimeMetrics] = []
    async for told in platform.client.stream(MetricsService.stream_metrics, request, timeout=WITHIN):
        assert told.metrics is not None
        seen.append(told.metrics)
        used = told.metrics.memory
        assert used is not None
        if len(seen) >= 3 and used.used_bytes > 60_000_000:
            break
    assert {each.worker_id.value for each in seen if each.worker_id} == {worker.value if worker else ""}
    assert seen[-1].cpu is not None
    assert seen[-1].cpu.usage_percent > 0
    assert {"job_id", "cpu_cores", "disk_read_bytes"} <= {each.name for each in seen[-1].custom}
    await platform.control.engine.metrics()
    query = wire.MetricsQuery(execution_id=wire.ExecutionId(value=f"{job}/1"))
    series = await platform.call(MetricsService.get_time_series_metrics, query)
    assert len(series.data_points) >= 2
    total = await platform.call(MetricsService.get_aggregated_metrics, query)
    assert total.job_id.value == job
    assert total.max_memory_usage > 60_000_000
    assert total.avg_cpu_usage > 0
    only_cpu = wire.MetricsQuery(worker_id=worker, metric_types=["cpu"])
    for each in (await platform.call(MetricsService.get_time_series_metrics, only_cpu)).data_points:
        assert each.cpu is not None
        assert each.memory is None


async def test_the_times_of_jobs_can_be_asked_for(platform: Platform) -> None:
    jobs = [await platform.queue("true"), await platform.queue("false")]
    for job in jobs:
        await platform.until(job, "SUCCEEDED", "FAILED")
    await platform.control.engine.metrics()
    told = await platform.call(MetricsService.get_job_metrics, wire.JobMetricsRequest(range="1h"))
    assert (told.submitted, told.jobs_by_state["SUCCEEDED"], told.jobs_by_state["FAILED"]) == (2, 1, 1)
    assert told.run.count == told.total.count == 2
    assert 0 < told.start.mean_seconds < told.total.p99_seconds * 1.3
    assert [each.provider for each in told.providers] == ["process"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (wire.MetricsQuery(), "worker_id"),
        (wire.MetricsQuery(worker_id=wire.WorkerId(value="nonsense")), "worker_id"),
        (wire.MetricsQuery(execution_id=wire.ExecutionId(value="nonsense")), "execution_id"),
    ],
)
async def test_a_query_that_names_nothing_is_refused(
    quiet: Platform, request_: wire.MetricsQuery, field: str
) -> None:
    with pytest.raises(CallFailed) as caught:
        await quiet.call(MetricsService.get_aggregated_metrics, request_)
    assert caught.value.status is grpc.StatusCode.INVALID_ARGUMENT
    assert field in caught.value.message


async def test_an_unknown_worker_range_and_kind_are_refused(quiet: Platform) -> None:
    nobody = wire.WorkerId(value="01890000-0000-7000-8000-000000000000")
    for method, request, status in (
        (
            MetricsService.get_time_series_metrics,
            wire.MetricsQuery(worker_id=nobody),
            grpc.StatusCode.NOT_FOUND,
        ),
        (
            MetricsService.get_time_series_metrics,
            wire.MetricsQuery(worker_id=nobody, metric_types=["heat"]),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (
            MetricsService.get_job_metrics,
            wire.JobMetricsRequest(range="3h"),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
    ):
        with pytest.raises(CallFailed) as caught:
            await quiet.call(method, request)
        assert caught.value.status is status
