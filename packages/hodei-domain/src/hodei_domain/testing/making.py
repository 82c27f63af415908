"""Short ways to the aggregates that suites start from.

Ids are random and times lie one hour back, so that a real store, with its own clock, takes them for past.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import JobSpec, Shell
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import JobId, ProviderId, WorkerId, uuid7
from hodei_domain.testing.stores import Begin
from hodei_domain.workers.spec import WorkerInfo
from hodei_domain.workers.worker import Worker

T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

SUCCESS = JobResult(reason=Reason.EXIT, exit_code=0)
FAILURE = JobResult(reason=Reason.EXIT, exit_code=1, message="exit status 1")


def new_job_id(at: datetime = T0) -> JobId:
    """A job id that nobody has."""
    return JobId(uuid7(int(at.timestamp() * 1000), secrets.randbits(74)))


def new_worker_id(at: datetime = T0) -> WorkerId:
    """A worker id that nobody has."""
    return WorkerId(uuid7(int(at.timestamp() * 1000), secrets.randbits(74)))


def new_provider_id(at: datetime = T0) -> ProviderId:
    """A provider id that nobody has."""
    return ProviderId(uuid7(int(at.timestamp() * 1000), secrets.randbits(74)))


def spec(**fields: Any) -> JobSpec:
    """A spec of `true`, and what else is said."""
    return JobSpec(**{"command": Shell("true"), **fields})


def submission(at: datetime = T0, **fields: Any) -> Change[Job]:
    """A new job. `fields` are those of Job.submit(), or of the spec."""
    own = {"id", "queued_by", "correlation_id", "idempotency_key", "rerun_of", "turn"}
    told = {name: fields.pop(name) for name in own & fields.keys()}
    return Job.submit(told.pop("id", None) or new_job_id(at), spec(**fields), at=at, **told)


async def save_jobs(begin: Begin, *changes: Change[Job]) -> list[Job]:
    """Save them in one transaction; the jobs as saved."""
    async with begin() as tx:
        await tx.jobs.save(changes)
    return [change.after for change in changes]


async def submitted(begin: Begin, at: datetime = T0, **fields: Any) -> Job:
    """A job that waits in the store."""
    return (await save_jobs(begin, submission(at, **fields)))[0]


async def assigned(begin: Begin, worker: WorkerId | None = None, at: datetime = T0, **fields: Any) -> Job:
    """A scheduled job in the store."""
    job = await submitted(begin, at, **fields)
    return (await save_jobs(begin, job.assign(worker or new_worker_id(), at=at + SECOND)))[0]


async def running(begin: Begin, worker: WorkerId | None = None, at: datetime = T0, **fields: Any) -> Job:
    """A running job in the store."""
    job = await assigned(begin, worker, at, **fields)
    return (await save_jobs(begin, job.start(job.attempt, at=at + 2 * SECOND)))[0]


async def read_job(begin: Begin, id: JobId) -> Job:
    """The job as the store has it now."""
    async with begin() as tx:
        return await tx.jobs.get(id)


def new_worker(at: datetime = T0, **fields: Any) -> Change[Worker]:
    """The intent to make a worker; `fields` are those of Worker.provision()."""
    return Worker.provision(fields.pop("id", None) or new_worker_id(at), at=at, **fields)


def ready_worker(at: datetime = T0, **fields: Any) -> Change[Worker]:
    """A worker that is READY and connected."""
    info = WorkerInfo(name="w", hostname="host", architecture="x86_64", agent_version="0.1")
    registered = new_worker(at, **fields).then(lambda worker: worker.register(info, at=at + SECOND))
    return registered.then(lambda worker: worker.bind(at=at + 2 * SECOND))


async def save_workers(begin: Begin, *changes: Change[Worker]) -> list[Worker]:
    """Save them in one transaction; the workers as saved."""
    async with begin() as tx:
        await tx.workers.save(changes)
    return [change.after for change in changes]


async def read_worker(begin: Begin, id: WorkerId) -> Worker:
    """The worker as the store has it now."""
    async with begin() as tx:
        return await tx.workers.get(id)
