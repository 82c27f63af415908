"""What a job spent its time on: pure, from its attempts and the stages of workers that were made for it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from attrs import evolve, frozen

from hodei_domain.jobs.attempt import Attempt
from hodei_domain.jobs.job import Job

PULLING = "pulling"
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
        found += _waiting(attempt.number, since, attempt.assigned_at, told)
        found += _served(job, attempt)
        since = attempt.ended_at or attempt.assigned_at
    if not attempts or (attempts[-1].ended_at is not None and not job.is_over):
        number = len(attempts) + 1 if not job.is_over else 0
        detail = job.result.message if job.result is not None else ""
        waited = _waiting(number, since, job.completed_at, told)
        if job.is_over and waited:
            *rest, last = waited
            waited = [*rest, evolve(last, detail=detail or last.detail, failed=True)]
        found += waited
    return found


def _waiting(attempt: int, since: datetime, until: datetime | None, stages: Sequence[Stage]) -> list[Phase]:
    """In the queue, and from when on a worker was made: which stages it went through."""
    marks = [(since, PhaseName.QUEUED, "")]
    for at, _, stage in stages:
        if at < since or (until is not None and at >= until):
            continue
        name = PhaseName.IMAGE if stage.startswith(PULLING) else PhaseName.PROVISIONING
        if name is marks[-1][1] and not stage.startswith("failed"):
            marks[-1] = (marks[-1][0], name, stage)
        else:
            marks.append((at, name, stage))
    ends = [at for at, _, _ in marks[1:]] + [until]
    return [
        Phase(
            name=name,
            attempt=attempt,
            started_at=at,
            ended_at=end,
            detail=detail,
            failed=detail.startswith("failed"),
        )
        for (at, name, detail), end in zip(marks, ends, strict=True)
    ]


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
