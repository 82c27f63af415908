"""What a dead worker could not deliver any more."""

from __future__ import annotations

import asyncio
import logging

from attrs import define, field, frozen
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.logs.chunk import LogChunk
from hodei_domain.providers.records import LeftEnd
from hodei_domain.workers.worker import Worker

from hodei_application.intake import Intake
from hodei_application.jobs.ledger import Arrival
from hodei_application.jobs.report_attempt import SMALL
from hodei_application.jobs.reports import AttemptEnded, LogsArrived, Report
from hodei_application.ports import Clock
from hodei_application.scheduling.landscape import Landscape
from hodei_application.workers.commands import Command, LogAck, ResultAck, StopAttempt

log = logging.getLogger("hodei.scheduling")

PATIENCE = 15.0
"""Seconds for the store to take them; what is not taken by then is lost with the worker, and marked."""


@define(eq=False)
class _NoLink:
    """The link of a worker that is dead: nobody hears the answers, but we wait for the last of them."""

    worker_id: WorkerId
    is_legacy: bool = False
    wanted: int = 0
    ended: bool = False
    _stored: int = field(default=0, init=False)
    _closed: bool = field(default=False, init=False)
    _told: asyncio.Event = field(factory=asyncio.Event, init=False)

    def send(self, command: Command) -> None:
        """See WorkerLink."""
        if isinstance(command, LogAck):
            self._stored = max(self._stored, command.next_sequence)
            self._told.set()
        elif isinstance(command, ResultAck | StopAttempt):
            self.close("there is no more to say")

    def close(self, reason: str) -> None:
        """See WorkerLink."""
        self._closed = True
        self._told.set()

    async def answered(self) -> None:
        """Wait until all that was said is recorded or refused."""
        while not self._closed and (self.ended or self._stored < self.wanted):
            self._told.clear()
            await self._told.wait()


@frozen(kw_only=True)
class LastWords:
    """Takes in what the agent of a dead worker had on its disk, before the worker is given up.

    It goes the way of everything that workers report, so it is checked against the epoch and against who
    holds the attempt, and what is known already changes nothing.
    """

    now: Clock
    landscape: Landscape
    intake: Intake[Arrival]

    async def __call__(self, worker: Worker) -> None:
        plugin = self.landscape.plugin(worker.provider_id)
        if plugin is None or plugin.spool is None or worker.job_id is None:
            return
        link = _NoLink(worker.id)
        taken = 0
        try:
            async with asyncio.timeout(PATIENCE):
                async for left in plugin.spool.left_behind(worker.id):
                    if (left.job_id, left.attempt) == (worker.job_id, worker.attempt):
                        await self._post(link, left)
                        taken += 1
                if taken:
                    await link.answered()
        except TimeoutError:
            log.warning("Worker %s: what it had left could not be recorded in time", worker.id)
        except HodeiError as error:
            log.warning("Worker %s: what it had left cannot be read: %s", worker.id, error)
        else:
            if taken:
                log.info("Worker %s: what it had left is recorded", worker.id)

    async def _post(self, link: _NoLink, left: LogChunk | LeftEnd) -> None:
        report: Report
        if isinstance(left, LogChunk):
            link.wanted = left.next_sequence
            report, weight = LogsArrived(left), len(left.data) + SMALL
        else:
            link.ended = True
            report, weight = _report_of(left), SMALL
        await self.intake.post(Arrival(link, report, self.now()), weight)


def _report_of(left: LeftEnd) -> AttemptEnded:
    return AttemptEnded(left.job_id, left.attempt, left.result, left.next_sequence, left.started)
