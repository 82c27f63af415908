"""A caller's trace, from its metadata to a collector, through a real server and a real agent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc.aio
import pytest
from hodei_grpc.codec import codec
from hodei_grpc.methods import JobExecutionService
from hodei_proto.wire import hodei as wire

pytestmark = [pytest.mark.postgres, pytest.mark.e2e]
MakePlatform = Callable[..., Awaitable[Any]]  # of conftest.py

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
WITHIN = 30


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The spans that a collector gets, to which the environment points."""
    proto = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    spans: list[Any] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for each in proto.ExportTraceServiceRequest.FromString(body).resource_spans:
                spans.extend(span for scope in each.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield spans
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_job_continues_its_callers_trace(collector: list[Any], make_platform: MakePlatform) -> None:
    platform = await make_platform()
    method = JobExecutionService.queue_job
    definition = wire.JobDefinition(command="echo", arguments=["hello"])
    async with grpc.aio.insecure_channel(platform.address) as channel:
        call: Any = channel.unary_unary(
            method.path, codec(method.request).encode, codec(method.response).decode
        )
        told = await call(
            wire.QueueJobRequest(job_definition=definition),
            metadata=(("traceparent", f"00-{TRACE}-{PARENT}-01"),),
            timeout=WITHIN,
        )
    await platform.until(told.job_id.value, "SUCCEEDED")
    for _ in range(WITHIN * 20):
        if any(span.name == "hodei.job" for span in collector):
            break
        await asyncio.sleep(0.05)
    assert {span.trace_id.hex() for span in collector} == {TRACE}
    by_name = {span.name: span for span in collector}
    assert set(by_name) == {"hodei.job", "hodei.queued", "hodei.starting", "hodei.running"}
    assert by_name["hodei.job"].parent_span_id.hex() == PARENT
    assert by_name["hodei.running"].parent_span_id == by_name["hodei.job"].span_id
