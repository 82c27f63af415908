"""What a job spent its time on: pure, from its attempts and the stages of workers that were made for it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from attrs import evolve, frozen

from hodei_domain.jobs.attempt import Attempt
from hodei_domain.jobs.job import Job

PULLING, FAILED = "pulling", "failed: "
Stage = tuple[datetime, str, str]
"""When a worker on its way (its id) reached a stage, in words."""


class PhaseName(StrEnum):
    """Waiting for a worker, while one is made, while its image is fetched; then handing over, running, and
    being stopped.
    """

    QUEUED = "queued"
    PROVISIONING = "provisioning"
    IMAGE = "image"
    STARTING = "starting"
    RUNNING = "running"
    CLEANUP = "cleanup"


@frozen(kw_only=True)
class Phase:
    """A stretch of time. It ends where the next begins, or has not ended yet. `attempt` is the one that it
    belongs to, 0 for a job that ended before the first.
    """

    name: PhaseName
    attempt: int
    started_at: datetime
    ended_at: datetime | None
    detail: str = ""
    failed: bool = False


def timeline_of(job: Job, attempts: Sequence[Attempt], stages: Iterable[Stage]) -> list[Phase]:
    """The phases in order. Phases of one attempt follow each other without a gap."""
    told = sorted(stages)
    found: list[Phase] = []
    since = job.created_at
    for attempt in attempts:
        waited = _waiting(attempt.number, since, attempt.assigned_at, told)
        found += _served_by_another(waited, str(attempt.worker_id), told)
        found += _served(job, attempt)
        since = attempt.ended_at or attempt.assigned_at
    if not attempts or (attempts[-1].ended_at is not None and not job.is_over):
        number = len(attempts) + 1 if not job.is_over else 0
        waited = _waiting(number, since, job.completed_at, told)
        found += _ended(waited, job) if job.is_over else waited
    return found


def _waiting(attempt: int, since: datetime, until: datetime | None, stages: Sequence[Stage]) -> list[Phase]:
    """In the queue, and from when on a worker was made: which stages it went through. A failure is how the
    phase ended in which it came; after it the job waits.
    """
    found = [Phase(name=PhaseName.QUEUED, attempt=attempt, started_at=since, ended_at=until)]
    for at, _, stage in stages:
        if at < since or (until is not None and at >= until):
            continue
        last = found[-1]
        if stage.startswith(FAILED):
            found[-1] = evolve(last, ended_at=at, detail=stage.removeprefix(FAILED), failed=True)
            found.append(Phase(name=PhaseName.QUEUED, attempt=attempt, started_at=at, ended_at=until))
            continue
        name = PhaseName.IMAGE if stage.startswith(PULLING) else PhaseName.PROVISIONING
        if name is last.name:
            found[-1] = evolve(last, detail=stage)
        else:
            found[-1] = evolve(last, ended_at=at)
            next_one = Phase(name=name, attempt=attempt, started_at=at, ended_at=until, detail=stage)
            found.append(next_one)
    return found


def _served_by_another(waited: list[Phase], worker: str, stages: Sequence[Stage]) -> list[Phase]:
    """An image that was still fetched when another worker took the job was not fetched for it: it waited."""
    last = waited[-1]
    pulling = [
        id
        for at, id, stage in stages
        if stage.startswith(PULLING) and (last.ended_at is None or at < last.ended_at)
    ]
    if last.name is not PhaseName.IMAGE or not pulling or pulling[-1] == worker:
        return waited
    return [*waited[:-1], evolve(last, name=PhaseName.QUEUED, detail="another worker took it")]


def _ended(waited: list[Phase], job: Job) -> list[Phase]:
    """A job that ended before an attempt: its last phase says why, unless the failure just before it did."""
    detail = job.result.message if job.result is not None else ""
    *rest, last = waited
    if rest and rest[-1].failed and last.name is PhaseName.QUEUED and detail.startswith(rest[-1].detail):
        return [*rest[:-1], evolve(rest[-1], ended_at=last.ended_at, detail=detail)]
    return [*rest, evolve(last, detail=detail or last.detail, failed=True)]


def _served(job: Job, attempt: Attempt) -> list[Phase]:
    result, wish = attempt.result, job.cancel_wish
    failed = result is not None and not result.is_success
    told = "" if result is None else result.message or str(result.reason)
    starting = Phase(
        name=PhaseName.STARTING,
        attempt=attempt.number,
        started_at=attempt.assigned_at,
        ended_at=attempt.started_at or attempt.ended_at,
        detail=told if attempt.started_at is None else "",
        failed=failed and attempt.started_at is None,
    )
    if attempt.started_at is None:
        return [starting]
    running = Phase(
        name=PhaseName.RUNNING,
        attempt=attempt.number,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        detail=told,
        failed=failed,
    )
    if wish is None or attempt.number != job.attempt or not _within(wish.asked_at, attempt):
        return [starting, running]
    stopping = evolve(running, name=PhaseName.CLEANUP, started_at=wish.asked_at, detail="asked to stop")
    return [starting, evolve(running, ended_at=wish.asked_at), stopping]


def _within(at: datetime, attempt: Attempt) -> bool:
    assert attempt.started_at is not None
    return attempt.started_at <= at and (attempt.ended_at is None or at <= attempt.ended_at)
