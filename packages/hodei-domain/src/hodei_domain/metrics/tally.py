"""Counts that can be added up: of a replica, of a minute, of a month."""

from datetime import datetime, timedelta
from enum import StrEnum

from attrs import frozen

MINUTE = timedelta(minutes=1)
FIVE_MINUTES = timedelta(minutes=5)
HOUR = timedelta(hours=1)

FOLDS = ((MINUTE, FIVE_MINUTES, timedelta(hours=2)), (FIVE_MINUTES, HOUR, timedelta(hours=26)))
"""Tallies of the first width become ones of the second once they are as old as the third: graphs of the last
hours are fine, and months take no more room than they are worth.
"""

FAILED_AND_RETRIED = "RETRIED"
"""In the place of a job's end: the attempt ended and the job went back to the queue."""


class Measure(StrEnum):
    """What is counted, and what the seconds of it are."""

    SUBMITTED = "submitted"  # jobs that were queued; no seconds
    FINISHED = "finished"  # jobs that ended, by state; from submission to end
    QUEUE = "queue"  # attempts that were given to a worker; from the queue to the worker
    START = "start"  # attempts whose process started; from the worker to the process
    RUN = "run"  # attempts that ended after their start, by what became of the job; from start to end
    CPU = "cpu"  # core-seconds that jobs used
    MEMORY = "memory"  # bytes that jobs used, times seconds
    BUSY = "busy"  # seconds for which workers were busy, summed over the workers


@frozen(kw_only=True)
class Tally:
    """How often something was counted in the `width` from `at` on, and what its seconds add up to.

    `provider` is a provider's name, "" where none or no longer any is known. `state` is a job's end. `bucket`
    is of the histogram's scale.
    """

    at: datetime
    width: timedelta = MINUTE
    measure: Measure
    provider: str = ""
    state: str = ""
    bucket: int = 0
    count: int
    total: float = 0.0

    @property
    def key(self) -> tuple[timedelta, Measure, datetime, str, str, int]:
        """What two tallies that belong together have in common; sorts."""
        return (self.width, self.measure, self.at, self.provider, self.state, self.bucket)


@frozen(kw_only=True)
class Sum:
    """Tallies of a time added up. `at` is the beginning of the step that it is about."""

    at: datetime
    measure: Measure
    provider: str = ""
    state: str = ""
    bucket: int = 0
    count: int
    total: float
