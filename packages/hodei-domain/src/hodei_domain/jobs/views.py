"""What is read of jobs besides the aggregate itself: filters, pages and short records of what waits or runs
out.
"""

from collections.abc import Iterable
from datetime import datetime

from attrs import field, frozen

from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.result import Reason
from hodei_domain.kernel.checks import text, whole
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import JobId, WorkerId

MAX_PAGE = 1000


def _states(states: Iterable[JobState]) -> frozenset[JobState]:
    return frozenset(states)


@frozen(kw_only=True)
class JobFilter:
    """Which jobs to list. Empty conditions hold for all.

    `search` matches a part of the name in any case, or the beginning of the id. `cursor` is a page's
    `next_cursor`; `offset` counts from there and is meant for small numbers only.
    """

    states: frozenset[JobState] = field(default=frozenset(), converter=_states)
    search: str = field(default="", validator=text(256))
    queued_by: str = field(default="", validator=text(256))
    cursor: str = field(default="", validator=text(256))
    limit: int = field(default=50, validator=whole(1, MAX_PAGE))
    offset: int = field(default=0, validator=whole(0, 1_000_000))


@frozen(kw_only=True)
class JobPage:
    """Jobs, newest first; how many match in all; and where the next page begins, None after the last."""

    jobs: list[Job]
    total: int
    next_cursor: str | None = None


@frozen(kw_only=True)
class WaitingClass:
    """How many jobs of a class wait and are due, and since when the one that waits longest."""

    demand: DemandClass
    count: int
    oldest: datetime


@frozen(kw_only=True)
class SeenClass:
    """A demand class and the serial under which the store met it first."""

    serial: int
    demand: DemandClass


@frozen(kw_only=True)
class LostAttempt:
    """An attempt whose lease has run out."""

    job_id: JobId
    attempt: int
    worker_id: WorkerId


@frozen(kw_only=True)
class Overdue:
    """A job one of whose clocks has run out. `attempt` is its epoch, 0 before the first."""

    job_id: JobId
    clock: Reason
    attempt: int
