"""Hears of the moves of jobs, and counts how long they take."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen
from hodei_domain.jobs.job import OVER, Attempt, Job, JobState
from hodei_domain.jobs.result import Reason
from hodei_domain.metrics.tally import FAILED_AND_RETRIED, Measure

from hodei_application.metrics.instruments import OTHER
from hodei_application.metrics.replica import Instruments
from hodei_application.metrics.tallies import Tallies
from hodei_application.scheduling.landscape import Landscape
from hodei_application.workers.connected import ConnectedWorkers

_REASONS = frozenset(str(reason) for reason in Reason)


@frozen(kw_only=True)
class JobTimes:
    """Call it with each job after a move of it was committed here, in the order of the moves.

    Jobs also come when something changed that is no move (progress, a cancel wish); these count nothing.
    """

    tallies: Tallies
    instruments: Instruments
    connected: ConnectedWorkers
    landscape: Landscape

    def __call__(self, job: Job) -> None:
        state, current = job.state, job.current
        if state in OVER:
            self._over(job)
        elif current is None:
            if job.version == 1:
                self.tallies.amount(Measure.SUBMITTED, job.created_at, 0.0)
                self.instruments.jobs_submitted.add()
        elif state is JobState.SCHEDULED:
            if job.changed_at == current.assigned_at:
                self._assigned(job, current)
        elif state is JobState.RUNNING:
            if job.changed_at == current.started_at:
                self._started(current)
        elif current.ended_at is not None and job.queued_at == current.ended_at and not job.held:
            self.instruments.attempts_retried.add(1.0, self._provider(current))
            self._ended(current, FAILED_AND_RETRIED)

    def _assigned(self, job: Job, attempt: Attempt) -> None:
        provider = self._provider(attempt)
        seconds = _between(job.queued_at, attempt.assigned_at)
        self.tallies.time(Measure.QUEUE, attempt.assigned_at, seconds, provider)
        self.instruments.queue_seconds.observe(seconds, provider)

    def _started(self, attempt: Attempt) -> None:
        assert attempt.started_at is not None
        provider = self._provider(attempt)
        seconds = _between(attempt.assigned_at, attempt.started_at)
        self.tallies.time(Measure.START, attempt.started_at, seconds, provider)
        self.instruments.start_seconds.observe(seconds, provider)

    def _over(self, job: Job) -> None:
        assert job.completed_at is not None
        state, current = job.state.value, job.current
        provider = "" if current is None else self._provider(current)
        seconds = _between(job.created_at, job.completed_at)
        self.tallies.time(Measure.FINISHED, job.completed_at, seconds, provider, state)
        self.instruments.jobs_ended.add(1.0, state)
        # An end in the queue is no end of the attempt before it.
        if current is not None and current.ended_at is not None and _is_of(current, job):
            self._ended(current, state)

    def _ended(self, attempt: Attempt, state: str) -> None:
        provider = self._provider(attempt)
        result = attempt.result
        reason = OTHER if result is None or result.reason not in _REASONS else str(result.reason)
        self.instruments.attempts_ended.add(1.0, provider, reason)
        if attempt.started_at is None or attempt.ended_at is None:
            return
        seconds = _between(attempt.started_at, attempt.ended_at)
        self.tallies.time(Measure.RUN, attempt.ended_at, seconds, provider, state)
        self.instruments.run_seconds.observe(seconds, provider, state)

    def _provider(self, attempt: Attempt) -> str:
        connection = self.connected.get(attempt.worker_id)
        return "" if connection is None else self.landscape.name(connection.worker.provider_id)


def _is_of(attempt: Attempt, job: Job) -> bool:
    return attempt.result is job.result


def _between(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds()
