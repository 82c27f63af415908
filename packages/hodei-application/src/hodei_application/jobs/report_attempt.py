"""What workers say about their attempts: starts, output, progress, ends."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress

from attrs import frozen
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_application.intake import Intake
from hodei_application.jobs.ledger import Arrival, Ledger
from hodei_application.jobs.moves import Moves
from hodei_application.jobs.reports import AttemptEnded, AttemptStarted, LogsArrived, Report
from hodei_application.jobs.spoiled_reports import SpoiledReports
from hodei_application.logs.known_ends import KnownEnds
from hodei_application.logs.legacy_log import LegacyLog
from hodei_application.logs.log_hub import LogHub
from hodei_application.metrics.replica import Instruments
from hodei_application.ports import Clock, Jitter, Transaction, UnitOfWork
from hodei_application.repeat import repeat
from hodei_application.scheduling.dispatcher import Assigned, Dispatcher
from hodei_application.scheduling.live_config import LiveConfig
from hodei_application.signals import CLEANUP, Signals
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.hello import is_live
from hodei_application.workers.link import LinkClosed, WorkerLink
from hodei_application.workers.release import Release

log = logging.getLogger("hodei.logs")
workers_log = logging.getLogger("hodei.workers")

SMALL = 256
"""Bytes that a report without output counts for."""


@frozen(kw_only=True)
class ReportAttempt:
    """Take in what a worker says about an attempt.

    The answer comes over the link after the commit: LogAck, ResultAck, or StopAttempt when the attempt is
    not, or no longer, this worker's. Waits only while too much waits to be written, so that whoever calls
    stops reading the stream. A link that is not bound, or was replaced, is passed over: the worker says it
    all again over its newer one.
    """

    now: Clock
    connected: ConnectedWorkers
    intake: Intake[Arrival]
    troubles: SpoiledReports

    async def __call__(self, link: WorkerLink, report: Report) -> None:
        if self.connected.heard(link) is None or self.troubles.rests((report.job_id, report.attempt)):
            return
        weight = len(report.chunk.data) + SMALL if isinstance(report, LogsArrived) else SMALL
        arrival = Arrival(link, report, self.now())
        await self.intake.post(arrival, weight, patient=isinstance(report, AttemptStarted))

    def refused(self, link: WorkerLink, job_id: JobId, attempt: int, error: Exception) -> None:
        """A worker said something of an attempt that cannot be read."""
        if self.connected.heard(link) is not None:
            self.troubles.note(link.worker_id, (job_id, attempt), error)


@frozen
class LegacyLogs:
    """The log counter of what an old worker runs; None if it does not hold that job, or the link is not
    bound.
    """

    connected: ConnectedWorkers

    def __call__(self, link: WorkerLink, job_id: JobId) -> LegacyLog | None:
        connection = self.connected.holds(link)
        if connection is None or connection.legacy_log is None or connection.legacy_log.job_id != job_id:
            return None
        return connection.legacy_log


@frozen
class Outcome:
    """What became of the workers of a batch: all as we know them now, those that were freed, and what they
    were given next.
    """

    seen: tuple[Worker, ...] = ()
    freed: tuple[Worker, ...] = ()
    assigned: tuple[Assigned, ...] = ()


@frozen(kw_only=True)
class RecordReports:
    """Commit a batch of reports in one transaction, then tell everybody.

    Nothing is acknowledged before the commit. All of it may be repeated: what is recorded already stays as
    it is.
    """

    begin: UnitOfWork
    now: Clock
    jitter: Jitter
    config: LiveConfig
    connected: ConnectedWorkers
    release: Release
    ends: KnownEnds
    moves: Moves
    logs: LogHub
    dispatcher: Dispatcher
    signals: Signals
    troubles: SpoiledReports
    instruments: Instruments

    async def __call__(self, arrivals: Sequence[Arrival]) -> None:
        # Behind one that cannot be recorded: they would be a log with a hole.
        arrivals = [arrival for arrival in arrivals if not self.troubles.rests(arrival.key)]
        if not arrivals:
            return
        ledger, outcome = await self._record_surely(arrivals)
        self._publish(ledger)
        for link, answer in ledger.answers():
            with suppress(LinkClosed):  # it will say it all again
                link.send(answer)
        for link in ledger.broken:
            link.close("the log has a hole: send it again")
        self._set_free(ledger, outcome)
        await self.dispatcher.deliver(outcome.assigned)

    def spoiled(self, arrival: Arrival, error: Exception) -> None:
        """A report that cannot be recorded."""
        self.troubles.note(arrival.link.worker_id, arrival.key, error)

    async def _record_surely(self, arrivals: Sequence[Arrival]) -> tuple[Ledger, Outcome]:
        """First with our copies of the workers, which are nearly always right; if they are not, with the
        rows.
        """
        fresh = False

        async def transact() -> tuple[Ledger, Outcome]:
            nonlocal fresh
            again, fresh = fresh, True
            return await self._record(arrivals, fresh=again)

        return await repeat(transact)

    async def _record(self, arrivals: Sequence[Arrival], *, fresh: bool) -> tuple[Ledger, Outcome]:
        async with self.begin() as tx:
            jobs = {} if fresh else self._known_jobs(arrivals)
            unknown = {arrival.report.job_id for arrival in arrivals} - jobs.keys()
            if unknown:
                jobs |= await tx.jobs.lock(unknown)
            delay = self.config.now.requeue_delay
            ledger = Ledger(jobs=jobs, at=self.now(), jitter=self.jitter, requeue_delay=delay)
            for arrival in arrivals:
                ledger.enter(arrival)
            if ledger.chunks:
                nexts = await tx.logs.append([chunk for _, chunk in ledger.chunks])
                for (link, chunk), stored in zip(ledger.chunks, nexts, strict=True):
                    ledger.stored(link, chunk, stored)
            if ledger.endings:
                await self._finish(tx, ledger)
            changes = sorted(ledger.changes(), key=lambda change: change.after.id)
            if changes:
                await tx.jobs.save(changes)
            outcome, workers = await self._release(tx, ledger, fresh)
            if outcome.assigned:  # apart from the ends: a worker holds one attempt at any time
                await tx.jobs.save([given.job for given in outcome.assigned])
            if workers:
                await tx.workers.save(workers)
        return ledger, outcome

    async def _finish(self, tx: Transaction, ledger: Ledger) -> None:
        """Accept the ends whose output is complete. What this process stored itself need not be asked for."""
        known = {**ledger.next_sequences}
        for key in {(e.job_id, e.attempt) for _, e in ledger.endings}:
            known[key] = max(known.get(key, 0), self.ends.get(key))
        unsure = [
            (e.job_id, e.attempt)
            for _, e in ledger.endings
            if (e.next_sequence or 0) > known[e.job_id, e.attempt]
        ]
        if unsure:
            for key, end in (await tx.logs.ends(unsure)).items():
                known[key] = max(known[key], end.next_sequence)
        for arrival, ending in ledger.endings:
            if (ending.next_sequence or 0) > known[ending.job_id, ending.attempt]:
                ledger.incomplete(arrival.link)
            else:
                ledger.finish(arrival, ending)

    async def _release(
        self, tx: Transaction, ledger: Ledger, fresh: bool
    ) -> tuple[Outcome, list[Change[Worker]]]:
        """Free the workers, and give them what waits; what is to be saved of them."""
        if not ledger.leaving:
            return Outcome(), []
        workers = None if fresh else self._copies(ledger)
        if workers is None:
            workers = await tx.workers.lock({left.worker_id for left in ledger.leaving})
        freed = self.release(ledger.leaving, workers, at=ledger.at)
        assigned = await self.dispatcher.turn_over(tx, freed)
        changes = {change.after.id: change for change in freed}
        changes.update((given.worker.after.id, given.worker) for given in assigned)
        # Rows that did not change are told, too: a commit whose answer got lost may have left our copies
        # behind.
        seen = {**workers, **{change.after.id: change.after for change in freed}}
        outcome = Outcome(tuple(seen.values()), tuple(change.after for change in freed), tuple(assigned))
        return outcome, sorted(changes.values(), key=lambda change: change.after.id)

    def _known_jobs(self, arrivals: Sequence[Arrival]) -> dict[JobId, Job]:
        """Our copies of jobs that this batch is going to save.

        The save is refused if a copy is outdated, and that is the epoch check. Where nothing may be saved,
        as for output alone, and where the copy says that something is wrong, the row must be read. It must
        be locked, too, where output comes along: who takes a job away locks the job and then its log, so
        the log may not come first here.
        """
        known: dict[JobId, Job] = {}
        loud = {arrival.report.job_id for arrival in arrivals if isinstance(arrival.report, LogsArrived)}
        for arrival in arrivals:
            report, worker_id = arrival.report, arrival.link.worker_id
            connection = self.connected.holds(arrival.link)
            job = None if connection is None else connection.job
            if job is None or job.id != report.job_id or not is_live(job, report.attempt, worker_id):
                known.pop(report.job_id, None)
            elif job.id in loud:
                continue
            elif isinstance(report, AttemptEnded) or job.state is JobState.SCHEDULED:
                known[job.id] = job
        return known

    def _copies(self, ledger: Ledger) -> dict[WorkerId, Worker] | None:
        """Our copies of all workers that are to be freed; None if one is not as it should be."""
        copies: dict[WorkerId, Worker] = {}
        for left in ledger.leaving:
            connection = self.connected.get(left.worker_id)
            if connection is None or (connection.worker.job_id, connection.worker.attempt) != left.key:
                return None
            copies[left.worker_id] = connection.worker
        return copies

    def _publish(self, ledger: Ledger) -> None:
        self._count(ledger)
        for chunk in ledger.kept:
            self.logs.stored(chunk)
            # That output comes is told once an attempt; a loud job may have hundreds of chunks a second.
            level = logging.DEBUG if chunk.first_sequence else logging.INFO
            log.log(
                level, "Log appended: job %s, attempt %d, %d lines", chunk.job_id, chunk.attempt, chunk.lines
            )
        for key, stored in ledger.next_sequences.items():
            self.ends.learn(key, stored)
        self.moves(ledger.moved)

    def _count(self, ledger: Ledger) -> None:
        if ledger.kept:
            told = self.instruments
            told.log_chunks.add(len(ledger.kept))
            told.log_lines.add(sum(chunk.lines for chunk in ledger.kept))
            told.log_bytes.add(sum(len(chunk.data) for chunk in ledger.kept))

    def _set_free(self, ledger: Ledger, outcome: Outcome) -> None:
        self.connected.update(outcome.seen)
        self._drop_unknown({left.worker_id for left in ledger.leaving} - {w.id for w in outcome.seen})
        for worker in outcome.freed:
            if worker.state is WorkerState.READY:
                workers_log.info("Worker %s released", worker.id)
        if any(worker.state is WorkerState.TERMINATING for worker in outcome.freed):
            self.signals.cleanup()
            self.signals.tell_others(CLEANUP)
        self.dispatcher.look(ledger.moved)

    def _drop_unknown(self, ids: set[WorkerId]) -> None:
        """Somebody deleted these workers' rows."""
        for worker_id in ids:
            connection = self.connected.get(worker_id)
            if connection is not None:
                self.connected.remove(connection.link)
                connection.link.close("the worker's row is gone")
