"""Signs of life: kept in memory, written for all workers at once."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen
from hodei_domain.kernel.events import Event

from hodei_application.metrics.usage_intake import UsageIntake
from hodei_application.ports import Clock, UnitOfWork
from hodei_application.repeat import repeat
from hodei_application.scheduling.events import WorkerHeartbeat
from hodei_application.workers.connected import ConnectedWorkers, Connection
from hodei_application.workers.link import WorkerLink
from hodei_application.workers.usage import Usage

SAMPLED_EVERY = 600.0
"""Seconds between two heartbeats of a worker that the audit trail tells of."""


@frozen
class Heartbeat:
    """Note a heartbeat; returns how long the lease of what the worker runs will last, zero or less if that is
    over or unknown. A plain function: thousands of workers send one every few seconds.

    A worker that goes by this stops its job before the lease ends, although its stream is well: when this
    replica cannot renew leases, another one may be about to give the job away.
    """

    connected: ConnectedWorkers
    lease: timedelta
    intake: UsageIntake

    def __call__(self, link: WorkerLink, usage: Usage | None = None) -> timedelta:
        connection = self.connected.heard(link)
        if connection is None:
            return timedelta(0)
        if usage is not None:
            self.intake.heard(connection, usage)
        return self.connected.left_of(connection, self.lease)


@frozen(kw_only=True)
class RenewLeases:
    """Renew the leases of what those workers run that were heard within the suspicion time: one statement,
    however many they are, and none while nothing runs. A stream that is up but silent keeps no lease alive.
    """

    begin: UnitOfWork
    connected: ConnectedWorkers
    lease: timedelta

    async def __call__(self) -> None:
        busy = [c for c in self.connected.heard_lately() if c.worker.job_id is not None]
        if not busy:
            return
        begun = self.connected.monotonic()  # before the store's own clock says from when
        with self.connected.writing_leases():
            await repeat(lambda: self._renew(busy))
        for connection in busy:
            connection.leased_at = max(connection.leased_at, begun)

    async def _renew(self, busy: list[Connection]) -> None:
        async with self.begin() as tx:
            await tx.leases.renew([c.worker.id for c in busy], self.lease)


@frozen(kw_only=True)
class FlushHeartbeats:
    """Write who was heard, and renew leases before: two transactions, however many workers they are about.

    Each in a transaction of its own: who ends a job holds its worker's row and then wants its lease, so
    nobody may hold a lease and then want a worker. Only workers that were heard within the suspicion time
    count.
    """

    begin: UnitOfWork
    now: Clock
    connected: ConnectedWorkers
    renew: RenewLeases

    async def __call__(self) -> None:
        await self.renew()
        heard = self.connected.heard_lately()
        if not heard:
            return
        samples = self._samples(heard)
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
