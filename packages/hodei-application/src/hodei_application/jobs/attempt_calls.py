"""The calls by which clients start, tell of and end attempts."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen
from hodei_domain.jobs.errors import StaleAttempt
from hodei_domain.jobs.job import Job, Progress
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId, WorkerId

from hodei_application.jobs.attempt_door import AttemptDoor, Output
from hodei_application.ports import Jitter

LONGEST_MESSAGE = 4096
"""Characters of what a client says of an end; the whole of it is the attempt's output."""


@frozen
class StartJob:
    """Say that the attempt runs. Twice is not an error."""

    door: AttemptDoor

    async def __call__(
        self, execution: str, job_id: JobId | None = None, worker_id: WorkerId | None = None
    ) -> Job:
        def start(job: Job, attempt: int, at: datetime) -> Change[Job]:
            if worker_id is not None and job.worker_id not in (None, worker_id):
                raise StaleAttempt(f"job {job.id} is not on worker {worker_id}")
            return job.start(attempt, at=at)

        return await self.door.move(execution, job_id, start)


@frozen
class UpdateProgress:
    """Say how far the attempt is: percentage 0 to 100, a stage, a text."""

    door: AttemptDoor

    async def __call__(
        self,
        execution: str,
        job_id: JobId | None = None,
        *,
        percentage: int,
        stage: str = "",
        message: str = "",
    ) -> Job:
        if not 0 <= percentage <= 100:
            raise InvalidInput("must be from 0 to 100", field="progress_percentage")
        progress = Progress(percentage=percentage, stage=stage[:256], message=message[:4096])
        return await self.door.move(
            execution, job_id, lambda job, attempt, at: job.report(attempt, progress, at=at)
        )


@frozen
class CompleteJob:
    """Say that the attempt ended with this exit code; 0 is success. `output` is kept where its worker sent
    none.
    """

    door: AttemptDoor
    jitter: Jitter

    async def __call__(
        self,
        execution: str,
        job_id: JobId | None = None,
        *,
        exit_code: int,
        message: str = "",
        output: Output | None = None,
    ) -> Job:
        result = JobResult(reason=Reason.EXIT, exit_code=exit_code, message=message[:LONGEST_MESSAGE])
        jitter = self.jitter()
        return await self.door.move(
            execution,
            job_id,
            lambda job, attempt, at: job.finish(attempt, result, at=at, jitter=jitter),
            output=output,
        )


@frozen
class FailJob:
    """Say that the attempt failed; the job's retry rules decide what follows, unless it is not
    `retryable`.
    """

    door: AttemptDoor
    jitter: Jitter

    async def __call__(
        self,
        execution: str,
        job_id: JobId | None = None,
        *,
        message: str,
        error_type: str = "",
        retryable: bool = True,
    ) -> Job:
        text = f"{error_type}: {message}" if error_type else message
        result = JobResult(reason=Reason.REPORTED, message=text)
        jitter = self.jitter()

        def fail(job: Job, attempt: int, at: datetime) -> Change[Job]:
            return job.finish(attempt, result, at=at, jitter=jitter, retry=retryable)

        return await self.door.move(execution, job_id, fail)
