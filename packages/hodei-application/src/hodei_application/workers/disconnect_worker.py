"""A worker's stream ended."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from attrs import frozen
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.kernel.ids import WorkerId

from hodei_application.group_commit import GroupCommit
from hodei_application.ports import Clock, UnitOfWork
from hodei_application.signals import CLEANUP, Signals
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.link import WorkerLink

log = logging.getLogger("hodei.workers")


@frozen(kw_only=True)
class DisconnectWorker:
    """Note that a stream ended. Nothing fails at once: what the worker runs goes on, and its lease decides.

    A link that was replaced by a newer one is passed over, so the end of an old stream never disconnects a
    worker that is back already.
    """

    commit: GroupCommit[WorkerId, None]
    connected: ConnectedWorkers
    signals: Signals

    async def __call__(self, link: WorkerLink) -> None:
        if not self.connected.remove(link):
            return
        log.info("Worker %s disconnected", link.worker_id)
        try:
            await self.commit(link.worker_id)
        except StoreUnavailable as error:
            # Its heartbeats stop, which tells the same a little later; and a store that is away has many
            # streams end.
            log.debug("The end of worker %s's stream was not recorded: %s", link.worker_id, error)
        self.signals.cleanup()
        self.signals.tell_others(CLEANUP)


@frozen(kw_only=True)
class RecordDisconnects:
    """Writes that these workers have no stream; whoever bound again meanwhile is passed over."""

    begin: UnitOfWork
    now: Clock
    connected: ConnectedWorkers

    async def __call__(self, ids: Sequence[WorkerId]) -> list[None]:
        async with self.begin() as tx:
            workers = await tx.workers.lock(set(ids))
            # Asked after the lock: whoever is being bound now either has committed, and is here, or comes
            # after us.
            gone = [worker for worker in workers.values() if not self.connected.is_here(worker.id)]
            await tx.workers.save([w.disconnect(at=self.now()) for w in gone if not w.is_over])
        return [None] * len(ids)
