"""Times of jobs and their use of resources over REST, on a control plane in memory."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import AsyncIterator

import httpx
import pytest
from hodei_application.testing import ScriptedAgent, World
from hodei_application.workers.commands import WatchUsage
from hodei_application.workers.usage import MIB, Usage
from hodei_domain.jobs.job import Job

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of what Litestar 3 will not have any more
    from hodei_rest.service import Limits, RestService

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.control.stop()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    service = RestService.bind("127.0.0.1", 0, Limits(token=None))
    async with (
        service.serving(world.control),
        httpx.AsyncClient(base_url=f"http://{service.address}") as client,
    ):
        yield client
    service.close()


async def busy(world: World) -> tuple[ScriptedAgent, Job]:
    agent = await world.add_worker()
    job = await world.running(agent)
    usage = Usage(cpu_percent=150, memory_bytes=64 * MIB, disk_written_bytes=3, job_id=job.id)
    world.control.heartbeat(agent.link, usage)
    return agent, job


async def test_a_summary_tells_counts_and_times(world: World, client: httpx.AsyncClient) -> None:
    agent, job = await busy(world)
    await agent.finish(job)
    await world.submit()
    await world.control.engine.metrics()
    told = (await client.get("/api/v1/metrics/summary", params={"range": "1h"})).json()
    assert (told["submitted"], told["finished"], told["success_rate"]) == (2, 1, 1.0)
    assert told["jobs_by_state"]["SUCCEEDED"] == 1
    assert told["queue_ms"]["count"] >= 1
    assert told["run_ms"]["p95"] is not None
    assert told["throughput_per_minute"] == pytest.approx(1 / 60, rel=0.05)


async def test_without_jobs_times_are_null(client: httpx.AsyncClient) -> None:
    told = (await client.get("/api/v1/metrics/summary")).json()
    assert (told["range"], told["finished"], told["success_rate"]) == ("24h", 0, None)
    assert told["run_ms"] == {"count": 0, "mean": None, "p50": None, "p95": None, "p99": None}


async def test_a_graph_has_a_line_for_each_state(world: World, client: httpx.AsyncClient) -> None:
    agent, job = await busy(world)
    await agent.finish(job)
    await world.control.engine.metrics()
    asked = {"name": "jobs.finished", "range": "1h", "by": "state"}
    [line] = (await client.get("/api/v1/metrics/series", params=asked)).json()
    assert line["labels"] == {"state": "SUCCEEDED"}
    assert len(line["points"]) == 60
    assert sum(value for _, value in line["points"]) == 1
    asked = {"name": "jobs.run_ms.p95", "range": "1h"}
    [line] = (await client.get("/api/v1/metrics/series", params=asked)).json()
    assert len(line["points"]) == 1


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/metrics/summary?range=2h", "range"),
        ("/metrics/series?name=nonsense", "name"),
        ("/metrics/series?name=jobs.finished&step_ms=10", "step_ms"),
        ("/metrics/series?name=jobs.finished&by=owner", "by"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    client: httpx.AsyncClient, path: str, field: str
) -> None:
    refused = await client.get(f"/api/v1{path}")
    assert refused.status_code == 422
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert field in refused.text


async def test_what_a_job_used_is_read_by_attempt(world: World, client: httpx.AsyncClient) -> None:
    _, job = await busy(world)
    await world.control.engine.metrics()
    path = f"/api/v1/jobs/{job.id}/usage"
    [sample] = (await client.get(path)).json()
    assert (sample["cpu_cores"], sample["memory_bytes"], sample["disk_write_bytes"]) == (1.5, 64 * MIB, 3)
    assert (await client.get(path, params={"attempt": 2})).json() == []
    assert (await client.get(path, params={"since": sample["time"]})).json() == [sample]
    assert (await client.get(path, params={"since": "2026-01-01T00:00:00"})).status_code == 422
    nobody = await client.get("/api/v1/jobs/01890000-0000-7000-8000-000000000000/usage")
    assert nobody.status_code == 404
    assert "/api/v1" in str(nobody.url)


async def test_who_watches_a_job_gets_samples_until_it_ends(world: World, client: httpx.AsyncClient) -> None:
    agent, job = await busy(world)

    async def watched() -> list[str]:
        headers = {"Accept": "text/event-stream"}
        answer = await client.get(f"/api/v1/jobs/{job.id}/usage", headers=headers, timeout=20)
        return [part for part in answer.text.split("\n\n") if part]

    watching = asyncio.create_task(watched())
    async with asyncio.timeout(20):
        while not agent.told(WatchUsage):  # noqa: ASYNC110  (a scripted agent tells nobody)
            await asyncio.sleep(0.01)
        world.control.heartbeat(agent.link, Usage(cpu_percent=50, job_id=job.id))
        await agent.finish(job)
        *samples, end = await watching
    assert samples[-1].startswith("event: usage\n")
    assert json.loads(samples[-1].partition("data: ")[2])["cpu_cores"] == 0.5
    assert end.startswith("event: end\n")
