"""Read what was counted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import frozen
from hodei_domain.jobs.job import JobState
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.metrics.series import Series, graph_of, lines_of
from hodei_domain.metrics.summary import Summary, range_of, summarize
from hodei_domain.metrics.tally import MINUTE, Measure
from hodei_domain.metrics.usage import UsageFilter, UsageSample

from hodei_application.ports import Clock, UnitOfWork

MOST_POINTS = 2_000


@frozen(kw_only=True)
class Overview:
    """A time at a glance, and how many jobs are in each state now (those that have ended: in that time)."""

    jobs_by_state: Mapping[JobState, int]
    summary: Summary


@frozen(kw_only=True)
class SummarizeMetrics:
    """How many jobs there were, how long they took and what they used, in the last 1h, 24h, 7d or 30d.

    Raises InvalidInput.
    """

    begin: UnitOfWork
    now: Clock

    async def __call__(self, range: str = "24h") -> Overview:
        length, step = range_of(range)
        until = self.now()
        since = _floor(until - length, min(step, MINUTE))
        async with self.begin() as tx:
            sums = await tx.metrics.sums(list(Measure), since, until)
            live = await tx.job_views.live_counts()
        summary = summarize(sums, since, until)
        ended = {JobState(state): count for state, count in summary.finished.items()}
        by_state = {state: {**ended, **live}.get(state, 0) for state in JobState}
        return Overview(jobs_by_state=by_state, summary=summary)


@frozen(kw_only=True)
class DrawMetrics:
    """A graph of the last 1h, 24h, 7d or 30d: its lines, and the width of a step. Raises InvalidInput."""

    begin: UnitOfWork
    now: Clock

    async def __call__(
        self, name: str, range: str = "24h", step: timedelta | None = None, by: str = ""
    ) -> tuple[list[Series], timedelta]:
        graph = graph_of(name)
        length, usual = range_of(range)
        step = _checked(step, length) if step is not None else usual
        until = self.now()
        since = _floor(until - length, step) + step  # only whole steps, and the one that is under way
        async with self.begin() as tx:
            times = name.rpartition(".")[2] in ("p50", "p95", "p99")
            sums = await tx.metrics.sums([graph.measure], since, until, step, by_bucket=times)
        return lines_of(sums, graph, since, until, step, by), step


@frozen(kw_only=True)
class ReadUsage:
    """Samples of a worker, a job or an attempt, oldest first, the newest `limit` of them."""

    begin: UnitOfWork

    async def __call__(self, wanted: UsageFilter) -> list[UsageSample]:
        async with self.begin() as tx:
            return await tx.metrics.usage(wanted)


def _checked(step: timedelta, length: timedelta) -> timedelta:
    if step < MINUTE:
        raise InvalidInput(f"{step.total_seconds():g} s is too short; at least a minute", field="step")
    if length / step > MOST_POINTS:
        raise InvalidInput(f"makes more than {MOST_POINTS} points; take a longer one", field="step")
    if length < step:
        raise InvalidInput("is longer than the range", field="step")
    return step


def _floor(at: datetime, width: timedelta) -> datetime:
    return at - timedelta(seconds=at.timestamp() % width.total_seconds())
