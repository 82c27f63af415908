"""When a job's clocks run out.

Pure; stores keep the next deadline beside the job so that overdue ones are one index scan.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from hodei_domain.jobs.result import Reason
from hodei_domain.jobs.state import OVER, JobState

if TYPE_CHECKING:  # the job asks this file which of its clocks run
    from hodei_domain.jobs.job import Job

EXECUTION_SLACK = timedelta(seconds=30)  # the agent keeps this clock; ours is for an agent that does not
CANCEL_BOUND = timedelta(seconds=5)  # after the grace: KILL, its confirmation and a slow network


@frozen
class Deadline:
    """When a clock of a job runs out.

    `clock` is a Reason: timeout:queue, timeout:execution, timeout:total, cancelled.
    """

    clock: Reason
    at: datetime


def next_deadline(job: "Job") -> Deadline | None:
    """The first of the job's clocks to run out; None where none runs.

    The no-output clock is the agent's alone: only it sees the output. A lost agent is found by its lease.
    """
    running = (_deadline(job, clock) for clock in _CLOCKS)
    return min((d for d in running if d is not None), key=lambda d: d.at, default=None)


def limit_of(job: "Job", clock: str) -> timedelta | None:
    """How long that clock may run in the job's present state; None if it does not run."""
    clocks = job.spec.clocks
    if job.state in OVER:
        return None
    if clock == Reason.TIMEOUT_TOTAL:
        return clocks.total
    if clock == Reason.TIMEOUT_QUEUE:
        return clocks.queue if job.is_queued else None
    if clock == Reason.CANCELLED:
        return None if job.cancel_wish is None else clocks.grace + CANCEL_BOUND
    if job.state is not JobState.RUNNING:
        return None
    if clock == Reason.TIMEOUT_EXECUTION:
        return clocks.execution
    return clocks.no_output if clock == Reason.TIMEOUT_NO_OUTPUT else None


_CLOCKS = (Reason.TIMEOUT_QUEUE, Reason.TIMEOUT_EXECUTION, Reason.TIMEOUT_TOTAL, Reason.CANCELLED)


def _deadline(job: "Job", clock: Reason) -> Deadline | None:
    limit = limit_of(job, clock)
    since = _since(job, clock)
    if limit is None or since is None:
        return None
    return Deadline(
        clock, since + limit + (EXECUTION_SLACK if clock is Reason.TIMEOUT_EXECUTION else timedelta(0))
    )


def _since(job: "Job", clock: Reason) -> datetime | None:
    if clock is Reason.TIMEOUT_TOTAL:
        return job.created_at
    if clock is Reason.TIMEOUT_QUEUE:  # a backoff is not the queue's fault
        return max(job.queued_at, job.not_before or job.queued_at)
    if clock is Reason.CANCELLED:
        return None if job.cancel_wish is None else job.cancel_wish.asked_at
    return job.started_at
