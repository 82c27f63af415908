"""What a worker says about an attempt."""

from __future__ import annotations

from attrs import frozen
from hodei_domain.jobs.job import Progress
from hodei_domain.jobs.result import JobResult
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk


@frozen
class AttemptStarted:
    """The process runs. `limits` says for people what enforces its limits."""

    job_id: JobId
    attempt: int
    pid: int | None = None
    limits: str = ""


@frozen
class LogsArrived:
    """Output of the attempt, in order."""

    chunk: LogChunk

    @property
    def job_id(self) -> JobId:
        return self.chunk.job_id

    @property
    def attempt(self) -> int:
        return self.chunk.attempt


@frozen
class ProgressMade:
    """How far the job says it is."""

    job_id: JobId
    attempt: int
    progress: Progress


@frozen
class AttemptEnded:
    """How it ended. The log is complete up to `next_sequence`; None from old workers, which do not count."""

    job_id: JobId
    attempt: int
    result: JobResult
    next_sequence: int | None = None
    started: bool = True


Report = AttemptStarted | LogsArrived | ProgressMade | AttemptEnded
