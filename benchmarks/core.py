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
SUCCESS = JobResult(reason=Reason.EXIT, exit_code=0)


@frozen
class Core:
    """A store, and as many imagined workers as a batch has jobs: each holds one attempt at a time."""

    store: PostgresStore
    batch: int
    workers: tuple[WorkerId, ...]

    async def run(self, count: int) -> float:
        """Let so many jobs pass; return jobs a second from the first submission to the last end.

        Three stages work at the same time, as submitters, dispatcher and reports do in a server.
        """
        batches = -(-count // self.batch)
        submitted, claimed = asyncio.Semaphore(0), asyncio.Queue[list[Job]]()
        free = asyncio.Semaphore(1)
        since = time.perf_counter()

        async def submit() -> None:
            for _ in range(batches):
                await self._submit()
                submitted.release()

        async def claim() -> None:
            for _ in range(batches):
                await submitted.acquire()
                await free.acquire()
                claimed.put_nowait(await self._claim())

        async def finish() -> None:
            for _ in range(batches):
                await self._finish(await claimed.get())
                free.release()

        async with asyncio.TaskGroup() as group:
            for stage in (submit, claim, finish):
                group.create_task(stage())
        return batches * self.batch / (time.perf_counter() - since)

    async def _submit(self) -> None:
        at = _now()
        changes = [Job.submit(_new_id(), SPEC, at=at, queued_by="core") for _ in range(self.batch)]
        async with self.store.begin() as tx:
            await tx.jobs.save(changes)

    async def _claim(self) -> list[Job]:
        async with self.store.begin() as tx:
            jobs = await tx.queue.claim([SPEC_CLASS], self.batch)
            if len(jobs) != self.batch:
                raise JobWentWrong(f"claimed {len(jobs)} of {self.batch} jobs")
            pairs = zip(jobs, self.workers, strict=True)
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
        yield Core(store, batch, tuple(WorkerId(uuid.uuid4()) for _ in range(batch)))


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> JobId:
    return JobId(uuid7(time.time_ns() // 1_000_000, secrets.randbits(74)))


SPEC_CLASS = Job.submit(_new_id(), SPEC, at=_now()).after.demand.key
