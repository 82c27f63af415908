"""One try at running a job on one worker."""

from datetime import datetime

from attrs import field, frozen

from hodei_domain.jobs.result import JobResult
from hodei_domain.kernel.converters import paragraph, sentence, words
from hodei_domain.kernel.ids import WorkerId


@frozen(kw_only=True)
class Attempt:
    """A try, and what came of it. `number` is the epoch that every message about it carries, from 1.

    `pid` and `limits` (what enforces the limits, for people) are as the worker told them. `undelivered`
    counts the attempts just before it that never started.
    """

    number: int
    worker_id: WorkerId
    assigned_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: JobResult | None = None
    decision_score: float = 0.0
    decision_reasons: tuple[str, ...] = ()
    pid: int | None = None
    limits: str = field(default="", converter=sentence)
    undelivered: int = 0


@frozen(kw_only=True)
class CancelWish:
    """Someone wants the job to stop.

    It is kept until the job ends, so that it reaches a worker that is away now.
    """

    asked_at: datetime
    by: str = field(default="", converter=words)
    reason: str = field(default="", converter=sentence)


@frozen(kw_only=True)
class Progress:
    """How far a running job says it is."""

    percentage: int = 0
    stage: str = field(default="", converter=words)
    message: str = field(default="", converter=paragraph)
