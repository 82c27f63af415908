"""What a batch of reports does to jobs: decided here without I/O, written by RecordReports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, field, frozen
from hodei_domain.jobs.errors import AlreadyEnded, StaleAttempt
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.result import Reason
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.logs.chunk import LogChunk

from hodei_application.jobs.reports import AttemptEnded, AttemptStarted, LogsArrived, ProgressMade, Report
from hodei_application.ports import Jitter
from hodei_application.workers.commands import LogAck, ResultAck, StopAttempt
from hodei_application.workers.link import WorkerLink

SUPERSEDED = "superseded"

Key = tuple[JobId, int]
"""A job and one of its attempts."""


@frozen(eq=False)
class Arrival:
    """A report, the link over which it came, and when."""

    link: WorkerLink
    report: Report
    at: datetime

    @property
    def key(self) -> Key:
        """The attempt that it is about."""
        return (self.report.job_id, self.report.attempt)


@frozen
class Leaving:
    """A worker whose attempt is over. `must_go`: its processes may still run, so it cannot serve again."""

    worker_id: WorkerId
    job_id: JobId
    attempt: int
    must_go: bool = False

    @property
    def key(self) -> Key:
        """The attempt that it leaves."""
        return (self.job_id, self.attempt)


@define(eq=False, kw_only=True)
class Ledger:
    """The jobs of a batch as they become, report by report, and what is to be told to whom after the commit.

    Every report is checked against the epoch and against the worker that holds the attempt. One that fails
    the check changes nothing, and its sender is told.
    """

    jobs: dict[JobId, Job]
    at: datetime
    jitter: Jitter
    requeue_delay: timedelta = timedelta(0)
    chunks: list[tuple[WorkerLink, LogChunk]] = field(factory=list, init=False)
    endings: list[tuple[Arrival, AttemptEnded]] = field(factory=list, init=False)
    kept: list[LogChunk] = field(factory=list, init=False)
    next_sequences: dict[Key, int] = field(factory=dict, init=False)
    moved: list[Job] = field(factory=list, init=False)
    leaving: dict[Leaving, None] = field(factory=dict, init=False)
    broken: dict[WorkerLink, None] = field(factory=dict, init=False)
    stops: dict[tuple[WorkerLink, Key], str] = field(factory=dict, init=False)
    log_acks: dict[tuple[WorkerLink, Key], int] = field(factory=dict, init=False)
    result_acks: list[tuple[WorkerLink, ResultAck]] = field(factory=list, init=False)
    _changes: dict[JobId, Change[Job]] = field(factory=dict, init=False)
    _ended: set[Key] = field(factory=set, init=False)

    def changes(self) -> list[Change[Job]]:
        """What is to be saved, one change for each job."""
        return [change for change in self._changes.values() if not change.is_same]

    def enter(self, arrival: Arrival) -> None:
        """Take in the next report; output and ends are only noted, for they depend on what the log store
        says.
        """
        link, report, at = arrival.link, arrival.report, arrival.at
        if not self._is_live(link, report):
            self._refuse(link, report)
        elif isinstance(report, LogsArrived):
            self._start(report, at)
            self.chunks.append((link, report.chunk))
        elif isinstance(report, AttemptEnded):
            self._ended.add((report.job_id, report.attempt))
            self.endings.append((arrival, report))
        elif isinstance(report, AttemptStarted):
            self._start(report, at, report.pid, report.limits)
        elif isinstance(report, ProgressMade):
            self._start(report, at)
            self._move(report.job_id, lambda job: job.report(report.attempt, report.progress, at=at))

    def stored(self, link: WorkerLink, chunk: LogChunk, next_sequence: int) -> None:
        """The log store's answer: all before `next_sequence` is kept. A hole means that the sender must
        start again.
        """
        key = (chunk.job_id, chunk.attempt)
        if next_sequence < chunk.next_sequence:
            self.broken[link] = None
            return
        self.next_sequences[key] = next_sequence
        self.log_acks[link, key] = next_sequence
        self.kept.append(chunk)

    def incomplete(self, link: WorkerLink) -> None:
        """An end came before all of its output: nothing is accepted, the worker brings both again."""
        self.broken[link] = None

    def finish(self, arrival: Arrival, report: AttemptEnded) -> None:
        """Accept an end, after its output."""
        link = arrival.link
        if report.started:
            self._start(report, arrival.at)
        wished = self.jobs[report.job_id].cancel_wish is not None
        self._move(report.job_id, self._end_of(report, arrival.at))
        # Old workers do not kill: after a cancel or a timeout the process may run on beside the next job.
        must_go = link.is_legacy and (wished or report.result.is_timeout)
        self._leave(link, report, must_go=must_go)
        self.result_acks.append((link, ResultAck(report.job_id, report.attempt, accepted=True)))

    def _end_of(self, report: AttemptEnded, at: datetime) -> Callable[[Job], Change[Job]]:
        """The move that the end means. A worker that was busy or leaving gives back what it never started."""
        given_back = not report.started and report.result.reason == Reason.GIVEN_BACK
        if given_back and self.jobs[report.job_id].state is JobState.SCHEDULED:
            later = at + self.requeue_delay if self.requeue_delay else None
            why = report.result.message
            return lambda job: job.give_back(report.attempt, at=at, why=why, not_before=later)
        jitter = self.jitter()
        return lambda job: job.finish(report.attempt, report.result, at=at, jitter=jitter)

    def _is_live(self, link: WorkerLink, report: Report) -> bool:
        job = self.jobs.get(report.job_id)
        return (
            job is not None
            and job.attempt == report.attempt
            and job.worker_id == link.worker_id
            and (report.job_id, report.attempt) not in self._ended
        )

    def _refuse(self, link: WorkerLink, report: Report) -> None:
        if not isinstance(report, AttemptEnded):
            self.stops[link, (report.job_id, report.attempt)] = SUPERSEDED
            return
        known = self._is_recorded(link, report)
        ack = ResultAck(report.job_id, report.attempt, known, "recorded already" if known else SUPERSEDED)
        self.result_acks.append((link, ack))
        # A commit whose answer got lost may have left the worker's row behind; and whoever brings the end
        # of a superseded attempt has nothing left to do.
        self._leave(link, report)

    def _is_recorded(self, link: WorkerLink, report: AttemptEnded) -> bool:
        """Whether this very end is known: by this batch, or by an earlier delivery."""
        job = self.jobs.get(report.job_id)
        if job is None or job.current is None or job.attempt != report.attempt:
            return False
        if job.current.worker_id != link.worker_id:
            return False
        if (report.job_id, report.attempt) in self._ended:
            return True
        recorded = job.current.result
        if recorded is not None and recorded.reason == Reason.WORKER_LOST:
            # Given up, so that what it brings now comes too late; unless the worker itself gave it up.
            told = report.result
            return (told.reason, told.message) == (recorded.reason, recorded.message)
        try:
            job.finish(report.attempt, report.result, at=self.at)
        except AlreadyEnded:
            return True
        except StaleAttempt:
            pass
        return False

    def _leave(self, link: WorkerLink, report: AttemptEnded, *, must_go: bool = False) -> None:
        self.leaving[Leaving(link.worker_id, report.job_id, report.attempt, must_go)] = None

    def _start(self, report: Report, at: datetime, pid: int | None = None, limits: str = "") -> None:
        """Record the start, unless it is known: old workers never tell of it, any other sign implies it."""
        if self.jobs[report.job_id].state is JobState.SCHEDULED:
            self._move(report.job_id, lambda job: job.start(report.attempt, at=at, pid=pid, limits=limits))

    def _move(self, job_id: JobId, move: Callable[[Job], Change[Job]]) -> None:
        before = self._changes.get(job_id)
        change = move(self.jobs[job_id]) if before is None else before.then(move)
        if change.after is self.jobs[job_id]:
            return
        self._changes[job_id] = change
        self.jobs[job_id] = change.after
        self.moved.append(change.after)

    def answers(self) -> list[tuple[WorkerLink, LogAck | ResultAck | StopAttempt]]:
        """What to send after the commit: output first, then ends, then stops.

        An accepted end says that all output is kept: most jobs are short, and this saves them a message.
        """
        closed = {(link, (ack.job_id, ack.attempt)) for link, ack in self.result_acks if ack.accepted}
        answers: list[tuple[WorkerLink, LogAck | ResultAck | StopAttempt]] = []
        for (link, (job_id, attempt)), stored in self.log_acks.items():
            if (link, (job_id, attempt)) not in closed:
                answers.append((link, LogAck(job_id, attempt, stored)))
        answers.extend(self.result_acks)
        for (link, (job_id, attempt)), reason in self.stops.items():
            answers.append((link, StopAttempt(job_id, attempt, reason)))
        return answers
