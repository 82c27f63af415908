"""hodei.MetricsService: what jobs use and how long they take."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from datetime import timedelta

from attrs import frozen
from hodei_application.control_plane import ControlPlane
from hodei_application.jobs.attempt_door import parse_execution_id
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import WorkerId, parse_worker_id
from hodei_domain.metrics.usage import UsageFilter, UsageSample
from hodei_domain.workers.errors import WorkerNotFound
from hodei_domain.workers.worker import Worker
from hodei_proto.wire import hodei as wire

from hodei_grpc.convert import metrics as convert
from hodei_grpc.servicers import Context

LONGEST_INTERVAL = timedelta(hours=1)
USUAL_RANGE = "24h"


@frozen
class Metrics:
    """What jobs use, as their workers tell it, and how long they take."""

    _control: ControlPlane

    async def stream_metrics(
        self, request: wire.MetricsStreamRequest, context: Context
    ) -> AsyncGenerator[wire.MetricsStreamResponse, None]:
        """Samples as they come, until the caller has seen enough."""
        kinds = convert.kinds_of(request.metric_types)
        worker_id = _worker(request.worker_id)
        machines: dict[WorkerId, Worker] = (
            {} if worker_id is None else {worker_id: await self._machine(worker_id)}
        )
        interval = request.interval or timedelta(seconds=1)
        if not timedelta(0) < interval <= LONGEST_INTERVAL:
            raise InvalidInput("is not between nothing and an hour", field="interval")
        async for sample in self._control.watch_usage(worker_id=worker_id, interval=interval):
            if sample.worker_id not in machines:
                machines.update(await self._machines([sample.worker_id]))
            told = convert.to_real_time(sample, machines.get(sample.worker_id), kinds)
            yield wire.MetricsStreamResponse(metrics=told, stream_timestamp=sample.at)

    async def get_aggregated_metrics(
        self, request: wire.MetricsQuery, context: Context
    ) -> wire.AggregatedMetrics:
        """Means and maxima of a worker, or of an attempt."""
        samples = await self._samples(_wanted(request))
        machines = await self._machines(sample.worker_id for sample in samples[-1:])
        return convert.to_aggregated(request, samples, machines)

    async def get_time_series_metrics(
        self, request: wire.MetricsQuery, context: Context
    ) -> wire.TimeSeriesMetrics:
        """Each sample of a worker, or of an attempt."""
        kinds = convert.kinds_of(request.metric_types)
        samples = await self._samples(_wanted(request))
        machines = await self._machines({sample.worker_id for sample in samples})
        return convert.to_series(request, samples, machines, kinds)

    async def get_job_metrics(self, request: wire.JobMetricsRequest, context: Context) -> wire.JobMetrics:
        """A time at a glance."""
        return convert.to_job_metrics(await self._control.metrics_summary(request.range or USUAL_RANGE))

    async def _samples(self, wanted: UsageFilter) -> list[UsageSample]:
        if wanted.worker_id is not None:
            await self._machine(wanted.worker_id)  # NOT_FOUND is better than nothing at all
        return await self._control.read_usage(wanted)

    async def _machine(self, worker_id: WorkerId) -> Worker:
        return (await self._control.get_worker(worker_id)).worker

    async def _machines(self, ids: Iterable[WorkerId]) -> Mapping[WorkerId, Worker]:
        """Those that are known; a worker's samples may outlive its row."""
        found: dict[WorkerId, Worker] = {}
        for worker_id in ids:
            try:
                found[worker_id] = await self._machine(worker_id)
            except WorkerNotFound:
                continue
        return found


def _worker(told: wire.WorkerId | None) -> WorkerId | None:
    return parse_worker_id(told.value) if told is not None and told.value else None


def _wanted(request: wire.MetricsQuery) -> UsageFilter:
    since, until = request.from_timestamp, request.to_timestamp
    if since is not None and until is not None and until < since:
        raise InvalidInput("lies before from_timestamp", field="to_timestamp")
    worker_id = _worker(request.worker_id)
    if request.execution_id is not None and request.execution_id.value:
        job_id, attempt = parse_execution_id(request.execution_id.value)
        return UsageFilter(
            worker_id=worker_id, job_id=job_id, attempt=attempt or None, since=since, until=until
        )
    if worker_id is None:
        raise InvalidInput("is missing; or give an execution_id, <job id>/<attempt>", field="worker_id")
    return UsageFilter(worker_id=worker_id, since=since, until=until)
