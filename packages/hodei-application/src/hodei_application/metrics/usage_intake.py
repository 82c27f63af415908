"""Samples of what jobs use, taken from heartbeats: kept for the store, and told to those who watch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from attrs import define, evolve, field
from hodei_domain.metrics.tally import Measure
from hodei_domain.metrics.usage import NO_JOB, UsageSample

from hodei_application.fan_out import FanOut
from hodei_application.metrics.tallies import Tallies
from hodei_application.ports import Clock
from hodei_application.scheduling.landscape import Landscape
from hodei_application.workers.connected import ConnectedWorkers, Connection
from hodei_application.workers.usage import Usage

MOST = 20_000
"""Samples that may wait to be written; what comes beyond is dropped."""

SAME_AGAIN = 30.0
"""Seconds after which a sample is kept although it says what the one before said. Agents look at their job
less often than they send heartbeats, and then say the same again.
"""

WAITING = 1000
"""Samples that wait for one watcher, who may watch a thousand workers."""

EVERYBODY = UUID(int=0)
"""Watchers of this hear of all workers."""

LONGEST_PAUSE = 60.0
"""Seconds that a usage is taken to have lasted at most, between two rounds."""


@define(eq=False, kw_only=True)
class UsageIntake:
    """Takes in what heartbeats say. Watchers subscribe by the id of a worker or of a job."""

    now: Clock
    monotonic: Callable[[], float]
    connected: ConnectedWorkers
    landscape: Landscape
    watchers: FanOut[UUID, UsageSample] = field(factory=lambda: FanOut(WAITING))
    dropped: int = field(default=0, init=False)
    _waiting: deque[UsageSample] = field(factory=deque, init=False)
    _summed_at: float | None = field(default=None, init=False)

    def heard(self, connection: Connection, usage: Usage) -> None:
        """A heartbeat told of a usage. What it says of a job that the worker does not hold is passed over."""
        worker, before = connection.worker, connection.usage
        connection.usage = usage
        if usage.job_id is not None and usage.job_id != worker.job_id:
            return
        sample = _sample(connection, usage, self.now())
        self.watchers.publish(EVERYBODY, sample)
        self.watchers.publish(worker.id, sample)
        if worker.job_id is not None:
            self.watchers.publish(worker.job_id, sample)
        at = self.monotonic()
        if usage == before and at - connection.measured_at < SAME_AGAIN:
            return
        connection.measured_at = at
        if len(self._waiting) < MOST:
            self._waiting.append(sample)
        else:
            self.dropped += 1

    def take(self) -> list[UsageSample]:
        """What waits to be written; it does not wait any more."""
        taken, self._waiting = list(self._waiting), deque()
        return taken

    def put_back(self, samples: list[UsageSample]) -> None:
        """They could not be written: they may be told again, and wait in front."""
        room = max(0, MOST - len(self._waiting))
        self.dropped += max(0, len(samples) - room)
        self._waiting.extendleft(reversed(samples[len(samples) - min(room, len(samples)) :]))

    def sum_up(self, tallies: Tallies) -> None:
        """Count, by provider, what the workers used since the last time."""
        now, before = self.monotonic(), self._summed_at
        self._summed_at = now
        seconds = 0.0 if before is None else min(now - before, LONGEST_PAUSE)
        if not seconds:
            return
        busy: dict[str, list[float]] = {}
        for connection in self.connected:
            if connection.worker.job_id is not None:
                entry = busy.setdefault(self.landscape.name(connection.worker.provider_id), [0.0, 0.0, 0.0])
                entry[0] += 1
                usage = connection.usage
                if usage is not None and usage.job_id in (None, connection.worker.job_id):
                    entry[1] += usage.cpu_cores
                    entry[2] += usage.memory_bytes
        at = self.now()
        for provider, (workers, cores, memory) in busy.items():
            tallies.amount(Measure.BUSY, at, workers * seconds, provider)
            tallies.amount(Measure.CPU, at, cores * seconds, provider)
            tallies.amount(Measure.MEMORY, at, memory * seconds, provider)


def _sample(connection: Connection, usage: Usage, at: datetime) -> UsageSample:
    worker = connection.worker
    sample = UsageSample(
        worker_id=worker.id,
        at=at,
        cpu_cores=usage.cpu_cores,
        cpu_cores_max=usage.cpu_cores,
        memory_bytes=usage.memory_bytes,
        memory_bytes_max=usage.memory_bytes,
        disk_read_bytes=usage.disk_read_bytes,
        disk_written_bytes=usage.disk_written_bytes,
        network_received_bytes=usage.network_received_bytes,
        network_sent_bytes=usage.network_sent_bytes,
    )
    if worker.job_id is None:
        return sample
    return evolve(sample, job_id=worker.job_id or NO_JOB, attempt=worker.attempt or 0)
