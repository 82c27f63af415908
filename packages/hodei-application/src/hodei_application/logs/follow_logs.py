"""Follow a job's output."""

from __future__ import annotations

from collections.abc import AsyncIterator

from attrs import define, field, frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.checks import whole
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk, drop_front, public_sequence

from hodei_application.logs.log_hub import LogHub
from hodei_application.logs.scanning import PAGE
from hodei_application.ports import Transaction, UnitOfWork
from hodei_application.workers.connected import ConnectedWorkers


@frozen(kw_only=True)
class LogRequest:
    """Which output is wanted.

    All of it, or what follows the public sequence `since`, or the last `tail` lines and what follows, or
    (without `history`) what comes from now on. `from_offset` skips so many bytes of the present attempt.
    With `stored_only` it ends with what is stored now, whether the job goes on or not.
    """

    job_id: JobId
    history: bool = True
    tail: int = field(default=0, validator=whole(0, 10_000_000))
    since: int = field(default=0, validator=whole(0, (1 << 63) - 1))
    from_offset: int | None = field(default=None)
    stored_only: bool = False


@define(eq=False)
class Reader:
    """How far somebody has read: `since` is the public sequence of the last entry."""

    since: int
    from_offset: int = 0

    def take(self, chunk: LogChunk) -> LogChunk | None:
        """What of the chunk is new; None when nothing is."""
        first = public_sequence(chunk.attempt, chunk.first_sequence)
        last = first + chunk.lines - 1
        if last <= self.since or chunk.next_offset <= self.from_offset:
            self.since = max(self.since, last)
            return None
        rest = drop_front(chunk, max(0, self.since - first + 1))
        self.since = last
        return rest

    def has_hole_before(self, chunk: LogChunk) -> bool:
        """Whether something is missing between what was read and the chunk.

        A further attempt counts as one: what its predecessor wrote may not have come past here.
        """
        return public_sequence(chunk.attempt, chunk.first_sequence) > self.since + 1


@frozen
class FollowLogs:
    """History, tail and live output in one iterator of chunks, without gap or duplicate; ends after the
    job's end.

    It listens first, then reads the store, then goes on with what it heard meanwhile. Who reads too slowly
    is sent back to the store, page by page: no history is ever held in memory. Raises JobNotFound.
    """

    begin: UnitOfWork
    logs: LogHub
    connected: ConnectedWorkers

    async def __call__(self, request: LogRequest) -> AsyncIterator[LogChunk]:
        with self.logs.followers.subscribe(request.job_id) as subscriber:
            job, reader = await self._begin(request)
            if request.stored_only:
                async for chunk in self._stored(job, reader):
                    yield chunk
                return
            while True:
                # The job was read before this: if it was over then, all its output is stored.
                while page := await self._page(request.job_id, reader):
                    for chunk in page:
                        yield chunk
                if job.is_over:
                    return
                missed = False
                while not missed:
                    await subscriber.wait()
                    items, missed = subscriber.take()
                    for item in items:
                        if isinstance(item, Job):
                            job = item if item.version > job.version else job
                            missed = missed or job.is_over or self._runs_elsewhere(job)
                        elif reader.has_hole_before(item):
                            missed = True
                        elif not missed and (fresh := reader.take(item)) is not None:
                            yield fresh
                if not job.is_over:
                    job = await self._read(request.job_id)

    async def _begin(self, request: LogRequest) -> tuple[Job, Reader]:
        async with self.begin() as tx:
            job = await tx.jobs.get(request.job_id)
            return job, await self._reader(tx, job, request)

    async def _reader(self, tx: Transaction, job: Job, request: LogRequest) -> Reader:
        if request.from_offset is not None:
            return Reader(public_sequence(max(job.attempt, 1), 0) - 1, request.from_offset)
        if request.since:
            return Reader(request.since)
        if request.tail:
            return Reader(await tx.logs.tail_start(job.id, request.tail))
        if request.history or not job.attempt:
            return Reader(0)
        end = await tx.logs.end(job.id, job.attempt)
        return Reader(public_sequence(job.attempt, end.next_sequence) - 1)

    async def _stored(self, job: Job, reader: Reader) -> AsyncIterator[LogChunk]:
        """Up to what is stored at the beginning: who writes faster than is read would never let it end."""
        async with self.begin() as tx:
            end = await tx.logs.end(job.id, job.attempt)
        last = public_sequence(max(job.attempt, 1), end.next_sequence) - 1
        while reader.since < last and (page := await self._page(job.id, reader)):
            for chunk in page:
                yield chunk

    async def _page(self, job_id: JobId, reader: Reader) -> list[LogChunk]:
        """The next stored chunks that hold something new; none at the end of what is stored."""
        while True:
            async with self.begin() as tx:
                stored = await tx.logs.read(job_id, reader.since, PAGE)
            fresh = [chunk for stored_chunk in stored if (chunk := reader.take(stored_chunk)) is not None]
            if fresh or not stored:
                return fresh

    async def _read(self, job_id: JobId) -> Job:
        async with self.begin() as tx:
            return await tx.jobs.get(job_id)

    def _runs_elsewhere(self, job: Job) -> bool:
        """Whether its output comes in through another replica: then only the store has it."""
        return job.worker_id is not None and not self.connected.is_here(job.worker_id)
