"""What is read of jobs besides the aggregate itself: filters, pages and short records of what waits or runs
out.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.result import Reason
from hodei_domain.kernel.checks import check_labels, check_texts, text, whole
from hodei_domain.kernel.converters import texts
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import JobId, ProviderId, WorkerId
from hodei_domain.kernel.values import copied

MAX_PAGE = 1000


def _states(states: Iterable[JobState]) -> frozenset[JobState]:
    return frozenset(states)


def _check_labels(_: Any, __: Any, labels: Mapping[str, str]) -> None:
    check_labels(labels, "label")


def _check_tags(_: Any, __: Any, tags: tuple[str, ...]) -> None:
    check_texts(tags, "tag", 256, 256)


@frozen(kw_only=True)
class JobFilter:
    """Which jobs to list. Empty conditions hold for all.

    `search` matches a part of the name in any case, or the beginning or the end of the id. All `labels` and
    `tags` must be there. `provider_id` is that of the newest attempt's worker. Jobs were created at or
    after `since` and before `until`. `cursor` is a page's `next_cursor`; `offset` counts from there and is
    meant for small numbers only. `counted`: whether the page is to say how many match in all, which looks
    at every job.
    """

    states: frozenset[JobState] = field(default=frozenset(), converter=_states)
    search: str = field(default="", validator=text(256))
    queued_by: str = field(default="", validator=text(256))
    labels: Mapping[str, str] = field(factory=dict, converter=copied, validator=_check_labels)
    tags: tuple[str, ...] = field(default=(), converter=texts, validator=_check_tags)
    provider_id: ProviderId | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str = field(default="", validator=text(256))
    limit: int = field(default=50, validator=whole(1, MAX_PAGE))
    offset: int = field(default=0, validator=whole(0, 1_000_000))
    counted: bool = True


@frozen(kw_only=True)
class JobPage:
    """Jobs, newest first; how many match in all, None if they were not counted; and where the next page
    begins, None after the last. Where a next page begins there may be fewer than were asked for, or none.
    """

    jobs: list[Job]
    total: int | None
    next_cursor: str | None = None


@frozen(kw_only=True)
class WaitingClass:
    """How many jobs of a class wait and are due, and since when the one that waits longest."""

    demand: DemandClass
    count: int
    oldest: datetime


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
