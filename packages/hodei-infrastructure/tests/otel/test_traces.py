"""Traces of jobs, at a collector of the test's own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from hodei_application.testing import World
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import RetryRules
from hodei_infrastructure.otel.convert import origin_of, spans_of
from hodei_infrastructure.otel.traces import JobTraces
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FAILURE = JobResult(reason=Reason.EXIT, exit_code=3, message="exit status 3")


class Collector:
    """Takes OTLP over HTTP and keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        collector = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                data = self.rfile.read(int(self.headers["Content-Length"]))
                request = ExportTraceServiceRequest.FromString(data)
                for each in request.resource_spans:
                    told = {a.key: a.value.string_value for a in each.resource.attributes}
                    collector.services.add(told["service.name"])
                    for scope in each.scope_spans:
                        collector.spans.extend(scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


async def life(world: World, hear: Any, **job: Any) -> Job:
    """A job that fails once and then succeeds."""
    world.control.engine.leader.reaper.moves.heard_by.append(hear)
    agent = await world.add_worker()
    told = await world.submit(retry=RetryRules(max_attempts=2), **job)
    for result in (FAILURE, None):
        await world.pass_time(timedelta(seconds=60))
        await agent.start(agent.jobs[-1])
        world.clock.advance(timedelta(seconds=2))
        await (agent.finish(agent.jobs[-1], result) if result else agent.finish(agent.jobs[-1]))
        await world.settle()
    await world.control.stop()
    return await world.job(told.id)


async def test_a_jobs_life_is_one_trace_at_the_collector(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    traces = JobTraces.from_environment()
    job = await life(World(), traces)
    traces.close()
    assert collector.services == {"hodei"}
    assert {span.trace_id for span in collector.spans} == {job.id.bytes}
    [root] = collector.named("hodei.job")
    assert root.parent_span_id == b""
    assert sorted(span.name for span in collector.spans if span is not root) == [
        "hodei.queued",
        "hodei.queued",
        "hodei.running",
        "hodei.running",
        "hodei.starting",
        "hodei.starting",
    ]
    assert {span.parent_span_id for span in collector.spans if span is not root} == {root.span_id}
    assert len({span.span_id for span in collector.spans}) == 7
    failed, succeeded = collector.named("hodei.running")
    assert (failed.status.code, failed.status.message) == (2, "exit status 3")
    assert succeeded.status.code == 1
    assert failed.end_time_unix_nano - failed.start_time_unix_nano == pytest.approx(2e9, rel=0.1)
    told = {each.key: each.value for each in failed.attributes}
    assert told["process.exit.code"].int_value == 3
    assert told["hodei.attempt"].int_value == 1
    for span in collector.spans:
        assert root.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= root.end_time_unix_nano


def job_of(correlation_id: str | None) -> Job:
    from hodei_domain.testing.making import submission

    return submission(correlation_id=correlation_id).after


def test_a_job_is_a_part_of_its_callers_trace() -> None:
    origin = origin_of(job_of(TRACEPARENT))
    assert UUID(int=origin.trace_id).hex == TRACEPARENT.split("-")[1]
    assert f"{origin.parent_id:016x}" == "b7ad6b7169203331"
    assert origin.sampled
    assert not origin_of(job_of(TRACEPARENT[:-2] + "00")).sampled


@pytest.mark.parametrize(
    "told",
    [None, "build-7", "00-" + "0" * 32 + "-b7ad6b7169203331-01", TRACEPARENT.upper(), TRACEPARENT + "x"],
)
def test_what_names_no_trace_makes_one_of_the_jobs_own(told: str | None) -> None:
    job = job_of(told)
    assert (origin_of(job).trace_id, origin_of(job).parent_id) == (job.id.int, None)


def test_a_job_that_made_no_move_has_no_span() -> None:
    assert list(spans_of(job_of(None))) == []


async def test_a_collector_that_is_away_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    traces = JobTraces.from_environment()
    job = await life(World(), traces)
    assert job.is_over
    await asyncio.to_thread(traces.close)


def test_without_a_collector_nothing_of_it_is_imported() -> None:
    code = (
        "import sys, hodei_grpc.main, hodei_grpc.server, hodei_infrastructure.bootstrap as b\n"
        "assert b._traces(None) == ()\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PATH": ""}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
