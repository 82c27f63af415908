"""What workers use, as a server tells it: heard in the background while something else is drawn."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from hodei_cli.errors import CliError

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import RealTimeMetrics, ResourceUsage

    from hodei_cli.session import Session


class Use(NamedTuple):
    """Cores, bytes of memory, and bytes moved since the job's start."""

    cpu_cores: float
    memory_bytes: int
    disk_bytes: int
    network_bytes: int


def of_sample(told: RealTimeMetrics) -> Use:
    """From a stream of samples."""
    more = {each.name: each.value for each in told.custom}
    network = told.network
    return Use(
        cpu_cores=float(more.get("cpu_cores", 0)),
        memory_bytes=told.memory.used_bytes if told.memory else 0,
        disk_bytes=int(more.get("disk_read_bytes", 0)) + int(more.get("disk_written_bytes", 0)),
        network_bytes=network.bytes_sent + network.bytes_received if network else 0,
    )


def of_worker(told: ResourceUsage) -> Use:
    """From a worker in a list."""
    more = told.custom_usage
    return Use(
        cpu_cores=told.cpu_cores,
        memory_bytes=told.memory_bytes,
        disk_bytes=told.disk_bytes + more.get("disk_read_bytes", 0),
        network_bytes=more.get("network_sent_bytes", 0) + more.get("network_received_bytes", 0),
    )


class Samples:
    """The newest of each worker, by its id, as a context. While it is open workers look at their job more
    often.

    `came` is set when something came. A server that breaks off is no error here: what is drawn asks it, too.
    """

    def __init__(self, session: Session, every: timedelta) -> None:
        self._session = session
        self._every = every
        self._newest: dict[str, tuple[str, Use]] = {}
        self.came = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Samples:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()  # ends the stream, and the thread with it

    def of(self, worker_id: str, job_id: str | None) -> Use | None:
        """What this worker's job uses; nothing of the job before."""
        found = self._newest.get(worker_id)
        return found[1] if found is not None and found[0] == job_id else None

    def _listen(self) -> None:
        from hodei_grpc.client import CallFailed
        from hodei_grpc.methods import MetricsService
        from hodei_proto.wire.hodei import MetricsStreamRequest

        request = MetricsStreamRequest(interval=self._every)
        try:
            for told in self._session.stream(MetricsService.stream_metrics, request):
                if told.metrics is not None and told.metrics.worker_id is not None:
                    job_id = next((each.value for each in told.metrics.custom if each.name == "job_id"), "")
                    self._newest[told.metrics.worker_id.value] = (job_id, of_sample(told.metrics))
                    self.came.set()
        except (CallFailed, CliError, ValueError):  # gRPC raises ValueError on a channel that was closed
            return
