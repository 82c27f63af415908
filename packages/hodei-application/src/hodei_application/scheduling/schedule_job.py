"""Queue a job and tell whom it was given to."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.scheduling.decision import Decision

from hodei_application.jobs.submit_job import Submission, SubmitJob
from hodei_application.scheduling.get_decision import WatchDecisions

DECIDED_WITHIN = timedelta(seconds=1)
"""Where a worker is free the decision takes milliseconds; where one has to be made nobody is kept waiting."""


@frozen
class Scheduled:
    """The job, and the decision about it unless it waits for a worker."""

    job: Job
    decision: Decision | None


@frozen
class ScheduleJob:
    """Queue a job, and wait a moment for the decision. Raises as SubmitJob does."""

    submit: SubmitJob
    decisions: WatchDecisions

    async def __call__(self, submission: Submission) -> Scheduled:
        job = (await self.submit(submission)).job
        decisions: Any = self.decisions(job.id)
        decision = None
        try:
            async with asyncio.timeout(DECIDED_WITHIN.total_seconds()):
                decision = await anext(decisions, None)
        except TimeoutError:
            pass
        finally:
            await decisions.aclose()
        return Scheduled(job, decision)
