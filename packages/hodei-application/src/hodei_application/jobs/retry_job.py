"""Run a job again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import evolve, frozen
from hodei_domain.jobs.errors import IllegalMove
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.spec import JobSpec
from hodei_domain.kernel.errors import Conflict, Kind
from hodei_domain.kernel.ids import JobId

from hodei_application.jobs.lock_job import lock_job
from hodei_application.jobs.moves import Moves
from hodei_application.jobs.submit_job import Submission, SubmitJob, Submitted
from hodei_application.ports import Clock, UnitOfWork
from hodei_application.scheduling.dispatcher import Dispatcher
from hodei_application.signals import WORK, Signals


class InputGone(Conflict):
    """The job cannot run again as it did: its live input was not kept."""

    kind, code = Kind.CONFLICT, "job.input-gone"


@frozen(kw_only=True)
class RetryJob:
    """Submit the spec of a job that is over once more, as a new job that is linked to it.

    `changed` makes the new spec from the old one, and `environment` adds to and overrides its. A job that is
    held after its worker was lost is released instead: that is what it waits for. The same twice under one
    `idempotency_key` of an owner is one new job. Raises JobNotFound, JobAlreadyExists,
    IllegalMove for one that is under way, InputGone for one with a live input, and what `changed` raises.
    """

    begin: UnitOfWork
    now: Clock
    submit: SubmitJob
    moves: Moves
    dispatcher: Dispatcher
    signals: Signals

    async def __call__(
        self,
        job_id: JobId,
        *,
        environment: Mapping[str, str] | None = None,
        changed: Callable[[JobSpec], JobSpec] | None = None,
        queued_by: str = "",
        actor: str | None = None,
        correlation_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Submitted:
        job, released = await self._release(job_id, actor or queued_by)
        if released:
            self.moves([job])
            self.dispatcher.look([job])
            self.signals.tell_others(WORK)
            return Submitted(job, duplicate=True)
        if not job.is_over:
            raise IllegalMove(f"job {job_id} is {job.state}: cancel it first, or let it end")
        if job.spec.live_input:
            raise InputGone(f"job {job_id} read its input from whoever ran it, and nothing of that was kept")
        spec = job.spec if changed is None else changed(job.spec)
        spec = evolve(spec, environment={**spec.environment, **(environment or {})})
        owner = queued_by or job.queued_by
        return await self.submit(
            Submission(
                spec=spec,
                idempotency_key=idempotency_key,
                queued_by=owner,
                correlation_id=correlation_id,
                rerun_of=job_id,
            )
        )

    async def _release(self, job_id: JobId, by: str) -> tuple[Job, bool]:
        async with self.begin() as tx:
            job = await lock_job(tx, job_id)
            if not job.held:
                return job, False
            change = job.release(at=self.now(), by=by)
            await tx.jobs.save([change])
        return change.after, True
