"""Signs of life: kept in memory, written for all workers at once."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen
from hodei_domain.kernel.events import Event

from hodei_application.ports import Clock, UnitOfWork
from hodei_application.scheduling.events import WorkerHeartbeat
from hodei_application.workers.connected import ConnectedWorkers, Connection
from hodei_application.workers.link import WorkerLink
from hodei_application.workers.usage import Usage

SAMPLED_EVERY = 600.0
"""Seconds between two heartbeats of a worker that the audit trail tells of."""


@frozen
class Heartbeat:
    """Note a heartbeat. A plain function: thousands of workers send one every few seconds."""

    connected: ConnectedWorkers

    def __call__(self, link: WorkerLink, usage: Usage | None = None) -> None:
        connection = self.connected.heard(link)
        if connection is not None and usage is not None:
            connection.usage = usage


@frozen(kw_only=True)
class FlushHeartbeats:
    """Write who was heard, and renew the leases of what these workers run: two statements, however many
    they are.

    Each in a transaction of its own: who ends a job holds its worker's row and then wants its lease, so
    nobody may hold a lease and then want a worker. Only workers that were heard within the suspicion time
    count: a stream that is up but silent keeps no lease alive.
    """

    begin: UnitOfWork
    now: Clock
    connected: ConnectedWorkers
    lease: timedelta

    async def __call__(self) -> None:
        heard = self.connected.heard_lately()
        if not heard:
            return
        busy = [c.worker.id for c in heard if c.worker.job_id is not None]
        samples = self._samples(heard)
        if busy:
            async with self.begin() as tx:
                await tx.leases.renew(busy, self.lease)
        async with self.begin() as tx:
            await tx.workers.record_heartbeats([c.worker.id for c in heard])
            if samples:
                await tx.audit.record(samples)

    def _samples(self, heard: list[Connection]) -> list[Event]:
        at, samples = self.now(), list[Event]()
        for connection in heard:
            usage = connection.usage
            if usage is not None and connection.heard_at - connection.sampled_at >= SAMPLED_EVERY:
                connection.sampled_at = connection.heard_at
                samples.append(
                    WorkerHeartbeat(
                        at=at,
                        correlation_id=str(connection.worker.id),
                        cpu_percent=usage.cpu_percent,
                        memory_mib=usage.memory_mib,
                    )
                )
        return samples
