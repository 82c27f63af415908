"""Tells this process of the moves of jobs, after they were committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, field
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.kernel.ids import JobId

from hodei_application.fan_out import FanOut
from hodei_application.logs.log_hub import LogHub

WAITING_MOVES = 64
"""Moves that wait for one watcher; a job makes four in a life without retries."""

ALL_DECISIONS = "all decisions"


@define(eq=False)
class Moves:
    """Call it with jobs after their moves were committed, in the order of the moves."""

    logs: LogHub
    watchers: FanOut[JobId, Job] = field(init=False)
    decisions: FanOut[str, Job] = field(factory=lambda: FanOut(16 * WAITING_MOVES))
    heard_by: list[Callable[[Job], None]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.watchers = FanOut(WAITING_MOVES, self.logs.joined)

    def __call__(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            for hear in self.heard_by:
                hear(job)
            self.watchers.publish(job.id, job)
            self.logs.moved(job)
            if job.state is JobState.SCHEDULED:
                self.decisions.publish(ALL_DECISIONS, job)

    def refresh(self, jobs: Iterable[Job]) -> None:
        """Jobs as they were just read: they may have moved elsewhere, and whoever knows better passes them
        over.
        """
        for job in jobs:
            self.watchers.publish(job.id, job)
            self.logs.moved(job)

    def watched(self) -> list[JobId]:
        """Jobs that somebody watches or follows here."""
        return list({*self.watchers.keys(), *self.logs.followers.keys()})
