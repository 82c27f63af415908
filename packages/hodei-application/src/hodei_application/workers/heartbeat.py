"""Signs of life: kept in memory, written for all workers at once."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen

from hodei_application.ports import UnitOfWork
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.link import WorkerLink
from hodei_application.workers.usage import Usage


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

    Only workers that were heard within the suspicion time count: a stream that is up but silent keeps no
    lease alive.
    """

    begin: UnitOfWork
    connected: ConnectedWorkers
    lease: timedelta

    async def __call__(self) -> None:
        heard = self.connected.heard_lately()
        if not heard:
            return
        busy = [c.worker.id for c in heard if c.worker.job_id is not None]
        async with self.begin() as tx:
            await tx.workers.record_heartbeats([c.worker.id for c in heard])
            if busy:
                await tx.leases.renew(busy, self.lease)
