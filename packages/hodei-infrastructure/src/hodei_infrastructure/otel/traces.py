"""Sends spans of jobs to a collector by OTLP over HTTP, in the background."""

from __future__ import annotations

import logging
from datetime import datetime
from importlib.metadata import version

from attrs import frozen
from hodei_domain.jobs.job import Job
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from hodei_infrastructure.otel.convert import Origin, Span, origin_of, spans_of

log = logging.getLogger("hodei.traces")
SAMPLED = TraceFlags(TraceFlags.SAMPLED)


@frozen(eq=False)
class JobTraces:
    """Call it with each job after its move was committed. It only queues; what finds no room is dropped by
    the processor, which says so in the log. The exporter reads the usual OTEL_EXPORTER_OTLP_ variables.
    """

    _processor: BatchSpanProcessor
    _resource: Resource
    _scope: InstrumentationScope

    @classmethod
    def from_environment(cls) -> JobTraces:
        """To where the environment says."""
        resource = Resource({SERVICE_NAME: "hodei"}).merge(OTELResourceDetector().detect())
        return cls(
            BatchSpanProcessor(OTLPSpanExporter()),
            resource,
            InstrumentationScope("hodei", version("hodei-domain")),
        )

    def __call__(self, job: Job) -> None:
        origin: Origin | None = None
        for span in spans_of(job):
            origin = origin or origin_of(job)
            if origin.sampled:
                self._processor.on_end(self._readable(span, origin))

    def close(self) -> None:
        """Send what waits, and end. Blocks for as long as the collector takes, at most its time-out."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: Span, origin: Origin) -> ReadableSpan:
        parent = origin.parent_id if span.parent is None else span.parent
        remote = span.parent is None
        return ReadableSpan(
            name=span.name,
            context=SpanContext(origin.trace_id, span.span_id, is_remote=False, trace_flags=SAMPLED),
            parent=None
            if parent is None
            else SpanContext(origin.trace_id, parent, is_remote=remote, trace_flags=SAMPLED),
            resource=self._resource,
            attributes=span.attributes,
            kind=SpanKind.SERVER if remote else SpanKind.INTERNAL,
            status=Status(StatusCode.OK) if span.failed is None else Status(StatusCode.ERROR, span.failed),
            start_time=_nanoseconds(span.begin),
            end_time=_nanoseconds(span.end),
            instrumentation_scope=self._scope,
        )


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000
