"""What Prometheus gets, and from where."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from http.client import HTTPConnection

import pytest
from hodei_application.metrics.instruments import MOST, OTHER, Counter, Gauge, Histogram
from hodei_application.metrics.replica import Instruments
from hodei_application.testing import World
from hodei_domain.kernel.errors import HodeiError
from hodei_grpc import metrics_endpoint
from hodei_grpc.exposition import registry_of
from hodei_grpc.metrics_endpoint import OFF, MetricsEndpoint
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse


class Endpoint:
    """The endpoint of a world."""

    def __init__(self, address: str) -> None:
        self.host, _, port = address.rpartition(":")
        self.port = int(port)

    async def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        def ask() -> tuple[int, str]:
            connection = HTTPConnection(self.host, self.port, timeout=10)
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            told = answer.read().decode()
            connection.close()
            return answer.status, told

        return await asyncio.to_thread(ask)

    async def scrape(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """Values by name and values of labels."""
        status, text = await self.ask("/metrics")
        assert status == 200
        return {
            (sample.name, tuple(sample.labels.values())): sample.value
            for family in parse(text)
            for sample in family.samples
        }


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[Endpoint]:
    endpoint = MetricsEndpoint.bind("127.0.0.1", 0)
    try:
        async with endpoint.serving(world.control) as told:
            yield Endpoint(told["metrics"])
    finally:
        endpoint.close()


async def test_a_scrape_tells_of_jobs_workers_and_the_process() -> None:
    world = World()
    agent = await world.add_worker()
    job = await world.submit()
    await world.submit()
    await agent.start(job)
    await agent.write(job, b"hello\nyou\n")
    world.clock.advance(timedelta(seconds=7))
    async with serving(world) as endpoint:
        told = await endpoint.scrape()
    assert told["hodei_jobs_submitted_total", ()] == 2
    assert told["hodei_jobs", ("RUNNING",)] == told["hodei_jobs", ("PENDING",)] == 1
    assert told["hodei_workers_connected", ("BUSY",)] == 1
    assert told["hodei_log_lines_total", ()] == 2
    assert told["hodei_job_start_seconds_count", ("",)] == 1
    assert told["hodei_jobs_ended_total", ("FAILED",)] == 0
    [(label, depth)] = [(key[1], v) for key, v in told.items() if key[0] == "hodei_queue_jobs"]
    assert depth == 1
    assert told["hodei_queue_oldest_seconds", label] >= 7
    assert told["process_resident_memory_bytes", ()] > 1e6
    assert told["hodei_database_up", ()] == 1


async def test_scrapes_ask_the_store_once_in_five_seconds() -> None:
    world = World()
    async with serving(world) as endpoint:
        before = world.store.commits
        for _ in range(3):
            await endpoint.scrape()
        assert world.store.commits - before == 1
        world.clock.advance(timedelta(seconds=6))
        await endpoint.scrape()
        assert world.store.commits - before == 2


async def test_what_only_the_store_knows_is_left_out_while_it_is_away() -> None:
    world = World()
    await world.submit()
    world.store.fail_commits(1)
    async with serving(world) as endpoint:
        told = await endpoint.scrape()
    assert told["hodei_database_up", ()] == 0
    assert not [key for key in told if key[0] in ("hodei_jobs", "hodei_queue_jobs")]


async def test_only_metrics_are_answered_and_nothing_is_taken() -> None:
    async with serving(World()) as endpoint:
        assert (await endpoint.ask("/"))[0] == 404
        assert (await endpoint.ask("/metrics", "POST"))[0] == 405
        status, text = await endpoint.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert status == 200
        assert len(list(parse_open(text))) > 20


async def test_classes_beyond_twenty_are_told_as_one() -> None:
    world = World()
    for number in range(25):
        await world.submit(image=f"image-{number}")
    async with serving(world) as endpoint:
        told = await endpoint.scrape()
    labels = [key[1][0] for key in told if key[0] == "hodei_queue_jobs"]
    assert len(labels) == 21
    assert told["hodei_queue_jobs", (OTHER,)] == 5


def test_the_usual_port_is_taken_if_it_is_free_and_any_other_must_be(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        monkeypatch.setattr(metrics_endpoint, "PORT", taken)
        assert MetricsEndpoint.bind("127.0.0.1", None).address == ""
        assert str(taken) in caplog.text
        assert "HODEI_METRICS_PORT" in caplog.text
        with pytest.raises(HodeiError, match="HODEI_METRICS_PORT"):
            MetricsEndpoint.bind("127.0.0.1", taken)
    assert MetricsEndpoint.bind("127.0.0.1", OFF).address == ""


def test_every_instrument_has_a_name_a_help_and_a_unit_as_prometheus_wants_them() -> None:
    found = list(Instruments())
    assert len({each.name for each in found}) == len(found)
    for each in found:
        assert each.name.startswith("hodei_")
        assert each.help.endswith(".")
        assert isinstance(each, Counter) == each.name.endswith("_total")
        assert not isinstance(each, Histogram) or each.name.endswith(("_seconds", "_size"))
    assert len(list(registry_of(found).collect())) > len(found)


def test_labels_without_end_do_not_make_series_without_end() -> None:
    counter = Counter(name="hodei_test_total", help="A test.", labels=("who",))
    histogram = Histogram(name="hodei_test_seconds", help="A test.", labels=("who",), bounds=(1, 2))
    for number in range(2 * MOST):
        counter.add(1.0, str(number))
        histogram.observe(1.5, str(number))
    assert len(counter.values) == len(histogram.values) == MOST + 1
    assert counter.values[OTHER,] == MOST
    assert histogram.values[OTHER,].counts == [0, MOST, 0]
    assert sum(counter.values.values()) == 2 * MOST


def test_a_gauge_that_nobody_connected_tells_nothing() -> None:
    gauge = Gauge(name="hodei_test", help="A test.")
    assert list(gauge.read()) == []
