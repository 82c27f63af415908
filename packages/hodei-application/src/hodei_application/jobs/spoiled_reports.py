"""Reports that cannot be recorded: tried again for a while, then given up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from attrs import define, field
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.errors import Conflict, HodeiError, NotFound
from hodei_domain.kernel.ids import WorkerId

from hodei_application.deeds import Deeds
from hodei_application.jobs.attempt_door import AttemptDoor
from hodei_application.jobs.ledger import Key
from hodei_application.workers.commands import StopAttempt
from hodei_application.workers.connected import ConnectedWorkers

log = logging.getLogger("hodei.intake")

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before a worker may bring such a report again; after the last of them it is given up."""

FORGOTTEN_AFTER = 120.0
"""Seconds after which a further failure is another story."""

ROOM = 10_000
TOO_OFTEN = "its reports cannot be recorded"


@define(eq=False)
class _Trouble:
    failures: int = 0
    failed_at: float = 0.0


@define(eq=False, kw_only=True)
class SpoiledReports:
    """Keeps one bad report from being brought for ever.

    While its attempt rests all its reports are passed over; then its worker's stream is closed, so that it
    binds anew and says again what is not acknowledged. When that has failed too often the attempt ends with
    a reason of its own and the worker is told to drop it.
    """

    connected: ConnectedWorkers
    door: AttemptDoor
    deeds: Deeds
    monotonic: Callable[[], float]
    _troubles: dict[Key, _Trouble] = field(factory=dict, init=False)
    _resting: set[Key] = field(factory=set, init=False)

    def rests(self, key: Key) -> bool:
        """Whether the attempt's reports are to be passed over for now."""
        return key in self._resting

    def note(self, worker_id: WorkerId, key: Key, error: Exception) -> None:
        """This worker brought a report about that attempt that cannot be recorded."""
        if key in self._resting:
            return
        trouble = self._troubles.get(key)
        if trouble is None or self.monotonic() - trouble.failed_at > FORGOTTEN_AFTER:
            trouble = self._remember(key)
            log.error("A report about job %s, attempt %d, cannot be recorded", *key, exc_info=error)
        trouble.failures += 1
        trouble.failed_at = self.monotonic()
        self._resting.add(key)
        failures = trouble.failures
        self.deeds.start(("spoiled", *key), lambda: self._go_on(worker_id, key, failures, error))

    def _remember(self, key: Key) -> _Trouble:
        self._troubles[key] = trouble = _Trouble()
        if len(self._troubles) > ROOM:
            del self._troubles[next(iter(self._troubles))]
        return trouble

    async def _go_on(self, worker_id: WorkerId, key: Key, failures: int, error: Exception) -> None:
        try:
            if failures <= len(PAUSES):
                await asyncio.sleep(PAUSES[failures - 1])
            else:
                await self._give_up(worker_id, key, failures, error)
        finally:
            self._resting.discard(key)
            self._close(worker_id)

    async def _give_up(self, worker_id: WorkerId, key: Key, failures: int, error: Exception) -> None:
        job_id, attempt = key
        log.error(
            "A report about job %s, attempt %d, is given up after %d tries: %s: %s",
            *(job_id, attempt, failures, type(error).__name__, error),
        )
        why = f"what its worker reported cannot be recorded: {type(error).__name__}"
        result = JobResult(reason=Reason.UNRECORDED, message=why)

        def end(job: Job, number: int, at: datetime) -> Change[Job]:
            return job.finish(number, result, at=at)

        self.connected.send(worker_id, StopAttempt(job_id, attempt, TOO_OFTEN))
        try:
            await self.door.move(f"{job_id}/{attempt}", None, end, why=TOO_OFTEN)
        except (Conflict, NotFound):
            pass  # it has ended, or is another's
        except HodeiError as failure:
            log.warning("Job %s is left to its lease: %s", job_id, failure)

    def _close(self, worker_id: WorkerId) -> None:
        connection = self.connected.get(worker_id)
        if connection is not None:
            connection.link.close("a report could not be recorded: say it again")
