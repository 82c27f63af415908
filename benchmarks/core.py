"""The queue's core without wire and processes: jobs submitted, claimed and finished in batches, durable."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import JobSpec, Shell
from hodei_domain.kernel.ids import JobId, WorkerId, uuid7
from hodei_infrastructure.postgres.store import PostgresStore, open_store

from benchmarks.client import JobWentWrong

SPEC = JobSpec(name="core", command=Shell("true"))
CREWS = 2
Crew = tuple[WorkerId, ...]
SUCCESS = JobResult(reason=Reason.EXIT, exit_code=0)


@frozen
class Core:
    """A store, and crews of imagined workers, one for each job of a batch: each holds one attempt."""

    store: PostgresStore
    batch: int
    crews: tuple[Crew, ...]

    async def run(self, count: int) -> float:
        """Let so many jobs pass; return jobs a second from the first submission to the last end.

        Three stages work at the same time, as submitters, dispatcher and reports do in a server: while one
        crew's ends are written, the next crew is given its jobs.
        """
        batches = -(-count // self.batch)
        submitted, claimed = asyncio.Semaphore(0), asyncio.Queue[tuple[Crew, list[Job]]]()
        free = asyncio.Queue[Crew]()
        for crew in self.crews:
            free.put_nowait(crew)
        since = time.perf_counter()

        async def submit() -> None:
            for _ in range(batches):
                await self._submit()
                submitted.release()

        async def claim() -> None:
            for _ in range(batches):
                await submitted.acquire()
                crew = await free.get()
                claimed.put_nowait((crew, await self._claim(crew)))

        async def finish() -> None:
            for _ in range(batches):
                crew, jobs = await claimed.get()
                await self._finish(jobs)
                free.put_nowait(crew)

        async with asyncio.TaskGroup() as group:
            for stage in (submit, claim, finish):
                group.create_task(stage())
        return batches * self.batch / (time.perf_counter() - since)

    async def _submit(self) -> None:
        at = _now()
        changes = [Job.submit(_new_id(), SPEC, at=at, queued_by="core") for _ in range(self.batch)]
        async with self.store.begin() as tx:
            await tx.jobs.save(changes)

    async def _claim(self, crew: Crew) -> list[Job]:
        async with self.store.begin() as tx:
            jobs = await tx.queue.claim([SPEC_CLASS], self.batch)
            if len(jobs) != self.batch:
                raise JobWentWrong(f"claimed {len(jobs)} of {self.batch} jobs")
            pairs = zip(jobs, crew, strict=True)
            changes = [job.assign(worker, at=_now()) for job, worker in pairs]
            await tx.jobs.save(changes)
        return [change.after for change in changes]

    async def _finish(self, given: Sequence[Job]) -> None:
        """Read again and locked, as when reports come in."""
        async with self.store.begin() as tx:
            jobs = await tx.jobs.lock([job.id for job in given])
            changes = [job.finish(job.attempt, SUCCESS, at=_now()) for job in jobs.values()]
            await tx.jobs.save(changes)
        if len(changes) != len(given):
            raise JobWentWrong(f"finished {len(changes)} of {len(given)} jobs")


@asynccontextmanager
async def core(url: str, batch: int) -> AsyncIterator[Core]:
    """A core on a database, which is brought up to date first."""
    async with open_store(url) as store:
        crews = tuple(tuple(WorkerId(uuid.uuid4()) for _ in range(batch)) for _ in range(CREWS))
        yield Core(store, batch, crews)


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> JobId:
    return JobId(uuid7(time.time_ns() // 1_000_000, secrets.randbits(74)))


SPEC_CLASS = Job.submit(_new_id(), SPEC, at=_now()).after.demand.key
