"""The product, broken on purpose: what the simulation must notice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hodei_application.jobs.ledger import Arrival, Ledger
from hodei_application.jobs.report_attempt import RecordReports
from hodei_domain.jobs.job import Attempt, Job

from simulation.run import Report, run_seed


@contextmanager
def no_epoch_check() -> Iterator[None]:
    """Nobody compares attempt numbers, nor workers: what is said of a job is said of the attempt it has now."""
    is_live, accept = Ledger._is_live, Job._accept

    def any_attempt(self: Ledger, link: Any, report: Any) -> bool:
        job = self.jobs.get(report.job_id)
        return job is not None and job.worker_id is not None

    def accept_any(self: Job, attempt: int) -> Attempt:
        return accept(self, self.attempt)

    _set(Ledger, "_is_live", any_attempt)
    _set(Job, "_accept", accept_any)
    try:
        yield
    finally:
        _set(Ledger, "_is_live", is_live)
        _set(Job, "_accept", accept)


@contextmanager
def acknowledged_before_the_commit() -> Iterator[None]:
    """Ends and output are acknowledged as soon as they are judged, whether the commit follows or not."""
    record = RecordReports._record

    async def hasty(self: RecordReports, arrivals: Sequence[Arrival], *, fresh: bool) -> Any:
        async with self.begin() as tx:
            jobs = await tx.jobs.lock({arrival.report.job_id for arrival in arrivals})
        ledger = Ledger(jobs=dict(jobs), at=self.now(), jitter=self.jitter)
        for arrival in arrivals:
            ledger.enter(arrival)
        for link, chunk in ledger.chunks:
            ledger.stored(link, chunk, chunk.next_sequence)
        for arrival, ending in ledger.endings:
            ledger.finish(arrival, ending)
        for link, answer in ledger.answers():
            try:
                link.send(answer)
            except Exception:  # noqa: S112  it will come again
                continue
        return await record(self, arrivals, fresh=fresh)

    _set(RecordReports, "_record", hasty)
    try:
        yield
    finally:
        _set(RecordReports, "_record", record)


def _set(place: Any, name: str, value: Any) -> None:
    setattr(place, name, value)


MUTANTS = {
    "no-epoch-check": no_epoch_check,
    "ack-before-commit": acknowledged_before_the_commit,
}


def first_find(mutant: str, seeds: range) -> Report | None:
    """The report of the first seed in which the mutant breaks a promise; None if none does."""
    with MUTANTS[mutant]():
        for seed in seeds:
            report = run_seed(seed)
            if report.broken:
                return report
    return None
