"""Has providers destroy the workers that are to go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from attrs import define, field
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.worker import Worker

from hodei_application.deeds import Deeds
from hodei_application.ports import Clock, UnitOfWork
from hodei_application.repeat import repeat
from hodei_application.scheduling.landscape import Landscape
from hodei_application.signals import DEMAND, Signals
from hodei_application.workers.connected import ConnectedWorkers

log = logging.getLogger("hodei.scheduling")

GRACE = timedelta(seconds=5)
"""For an agent to leave by itself; what its job could save, it was told to save before."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


@define(eq=False, kw_only=True)
class Destroyer:
    """Turns TERMINATING rows into TERMINATED ones: the row is the intent, repeated until the provider
    confirms.

    A worker that no provider made cannot be destroyed by anybody; it was told to leave, and its session is
    refused.
    """

    begin: UnitOfWork
    now: Clock
    monotonic: Callable[[], float]
    deeds: Deeds
    landscape: Landscape
    connected: ConnectedWorkers
    signals: Signals
    grace: timedelta = GRACE
    _failures: dict[WorkerId, tuple[int, float]] = field(factory=dict, init=False)

    def pursue(self, worker: Worker) -> None:
        """See to it that the worker is destroyed."""
        if self._failures.get(worker.id, (0, 0.0))[1] <= self.monotonic():
            self.deeds.start(("destroy", worker.id), lambda: self.destroy(worker))

    async def destroy(self, worker: Worker, grace: timedelta | None = None) -> None:
        """Destroy it and record that it is gone."""
        await self.deeds.end(("create", worker.id))  # or it would be made after we looked
        if worker.provider_id is not None:
            plugin = self.landscape.plugin(worker.provider_id)
            if plugin is None:
                self._failed(worker.id, "its provider is not available on this control plane")
                return
            try:
                await plugin.lifecycle.destroy_worker(worker.id, self.grace if grace is None else grace)
            except HodeiError as error:
                self._failed(worker.id, error.message)
                return
            except Exception as error:  # a plugin's bug: under backoff like any other failure
                log.exception("A provider failed to destroy worker %s", worker.id)
                self._failed(worker.id, repr(error))
                return
        self._failures.pop(worker.id, None)
        await repeat(lambda: self._confirm(worker.id))
        connection = self.connected.get(worker.id)
        if connection is not None:
            connection.link.close("the worker is destroyed")
        log.info("Worker %s is no more: %s", worker.id, worker.reason or "it had ended")
        self.signals.room()
        self.signals.tell_others(DEMAND)

    async def write_off(self, worker: Worker) -> None:
        """Record that it is gone though nobody could destroy it."""
        self._failures.pop(worker.id, None)
        await repeat(lambda: self._confirm(worker.id))
        log.warning("Worker %s is written off: no server reaches its provider", worker.id)

    async def _confirm(self, worker_id: WorkerId) -> None:
        async with self.begin() as tx:
            worker = (await tx.workers.lock([worker_id])).get(worker_id)
            if worker is not None:
                await tx.workers.save([worker.ended(at=self.now())])

    def _failed(self, worker_id: WorkerId, message: str) -> None:
        count = self._failures.get(worker_id, (0, 0.0))[0]
        pause = min(FIRST_PAUSE * 2 ** min(count, 10), LONGEST_PAUSE)
        self._failures[worker_id] = (count + 1, self.monotonic() + pause)
        say = log.warning if count == 0 else log.debug
        say("Worker %s cannot be destroyed yet: %s", worker_id, message)
