"""Watch what a worker or a job uses, as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from uuid import UUID

from attrs import frozen
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.metrics.usage import UsageFilter, UsageSample

from hodei_application.fan_out import Subscriber
from hodei_application.metrics.usage_intake import EVERYBODY, UsageIntake
from hodei_application.ports import UnitOfWork
from hodei_application.workers.commands import WatchUsage
from hodei_application.workers.connected import ConnectedWorkers, Connection

WATCHED_FOR = timedelta(seconds=15)
"""A worker goes back to its own pace by itself when nobody asks again within this time."""

SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(seconds=60)
MOST_A_SECOND = 100
"""Samples of many workers: with more of them each looks less often."""

FROM_STORE = timedelta(seconds=5)
"""Between looks into the store, for workers whose streams other replicas hold."""


@frozen(kw_only=True)
class WatchUsageOf:
    """Samples as they come: of a worker, of a job through all its attempts, or of all workers that
    are connected to this replica.

    While somebody watches, the worker looks once in `interval` (a second at least) instead of at its own
    pace. Samples that another replica takes in come through the store, some seconds late. Never ends by
    itself.
    """

    begin: UnitOfWork
    monotonic: Callable[[], float]
    intake: UsageIntake
    connected: ConnectedWorkers

    async def __call__(
        self,
        *,
        worker_id: WorkerId | None = None,
        job_id: JobId | None = None,
        interval: timedelta = SHORTEST,
    ) -> AsyncIterator[UsageSample]:
        interval = min(max(interval, SHORTEST), LONGEST)
        key: UUID = worker_id or job_id or EVERYBODY
        watched = UsageFilter(worker_id=worker_id, job_id=job_id, limit=100)
        with ExitStack() as stack:
            subscriber = stack.enter_context(self.intake.watchers.subscribe(key))
            asked_at = looked_at = float("-inf")
            newest: UsageSample | None = None
            while True:
                now, here = self.monotonic(), self._here(worker_id, job_id)
                if now - asked_at >= WATCHED_FOR.total_seconds() / 3:
                    asked_at = now
                    self._ask(here, interval)
                found = _taken(subscriber)
                if (
                    key != EVERYBODY
                    and not here
                    and not found
                    and now - looked_at >= FROM_STORE.total_seconds()
                ):
                    looked_at = now
                    found = await self._stored(watched, newest)
                for sample in found:
                    newest = sample
                    yield sample
                await subscriber.wait(FROM_STORE)

    def _here(self, worker_id: WorkerId | None, job_id: JobId | None) -> list[Connection]:
        """The connections that it is about."""
        if worker_id is not None:
            connection = self.connected.get(worker_id)
            return [] if connection is None else [connection]
        if job_id is not None:
            return [c for c in self.connected if c.worker.job_id == job_id]
        return list(self.connected)

    def _ask(self, connections: Sequence[Connection], interval: timedelta) -> None:
        busy = [connection for connection in connections if connection.worker.job_id is not None]
        interval = max(interval, len(busy) / MOST_A_SECOND * SHORTEST)
        for connection in busy:
            if not connection.link.is_legacy:
                self.connected.send(connection.worker.id, WatchUsage(interval, WATCHED_FOR))

    async def _stored(self, wanted: UsageFilter, newest: UsageSample | None) -> list[UsageSample]:
        async with self.begin() as tx:
            found = await tx.metrics.usage(wanted)
        if newest is None:
            return found[-1:]  # where it stands; what was before can be read
        return [sample for sample in found if sample.at > newest.at]


def _taken(subscriber: Subscriber[UsageSample]) -> list[UsageSample]:
    samples, _ = subscriber.take()
    return samples
