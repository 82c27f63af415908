"""Which of the idle workers gets which of the claimed jobs."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.scheduling.choose import WorkerStrategy, rank_workers
from hodei_domain.scheduling.offers import offer_of

from hodei_application.workers.connected import Connection
from hodei_application.workers.usage import Usage

COMPARED = 64
"""Idle workers that are compared for one job. Ranking costs a sort of all that are compared, for each job;
those beyond have been idle for a shorter time.
"""

FIRST_REASON = ("idle for the longest time",)


@frozen
class Match:
    """A job, the worker chosen for it, and why."""

    job: Job
    connection: Connection
    score: float
    reasons: tuple[str, ...]


def match_jobs(
    jobs: Sequence[Job], idle: Sequence[Connection], strategy: WorkerStrategy, choices: int
) -> list[Match]:
    """A worker for each job, while there are some. All of `idle` (the longest idle first, by kind) can
    serve all jobs.

    `choices` counts those made before, for taking turns.
    """
    if strategy is WorkerStrategy.FIRST_AVAILABLE:
        return [Match(job, c, 1.0, FIRST_REASON) for job, c in zip(jobs, idle, strict=False)]
    left = {connection.worker.id: connection for connection in idle}
    matches: list[Match] = []
    for job in jobs:
        if not left:
            break
        offers = [offer_of(c.worker, load=load_share(c.usage)) for c in list(left.values())[:COMPARED]]
        best = rank_workers(strategy, offers, job.demand, choices + len(matches))[0]
        chosen = left.pop(best.offer.worker_id)
        matches.append(Match(job, chosen, best.score, best.reasons))
    return matches


def load_share(usage: Usage | None) -> float:
    """The share of a machine in use, 0 to 1, as its last heartbeat said; 0 where nothing is known."""
    return 0.0 if usage is None else min(1.0, usage.cpu_percent / 100)
