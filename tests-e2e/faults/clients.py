"""Clients: they submit, perhaps several times, cancel and follow output, at whichever replica answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from random import Random
from typing import Any, TypeVar

import grpc
from hodei_grpc.client import AioClient, CallFailed
from hodei_grpc.methods import JobExecutionService, LogStreamService
from hodei_proto.wire import hodei

from faults.history import History, Reading
from faults.jobs import Wish
from faults.system import System

T = TypeVar("T")

PATIENCE = 180.0  # seconds for which a client asks again and again
CALL_SECONDS = 10.0
AGAIN = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
_FLAGS, _BYTES, PLATFORM = 0, 3, 4


class Clients:
    """All that is asked of the system, noted in its history."""

    def __init__(self, system: System, history: History, random: Random) -> None:
        self._system = system
        self._history = history
        self._random = random
        self._tasks: set[asyncio.Task[None]] = set()
        self._truth = system.place / "truth"
        self._truth.mkdir(exist_ok=True)

    def begin(self, wish: Wish, *, read: bool = False) -> None:
        """See to a job while the caller goes on; finish() waits for all of them."""
        name = f"{wish.shape}-{wish.number}{' with a reader' if read else ''}"
        task = asyncio.create_task(self.serve(wish, read=read), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, within: float = PATIENCE) -> None:
        """Wait for all that was begun; who still waits after so long is a problem, and raises nothing."""
        if self._tasks:
            done, waiting = await asyncio.wait(self._tasks, timeout=within)
            for task in done:
                task.result()
            for task in waiting:
                self._history.problems.append(f"a client still waits for {task.get_name()}")
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def serve(self, wish: Wish, *, read: bool = False) -> None:
        """See one job through to its acknowledgements; its end is judged later."""
        self._history.wishes.append(wish)
        await asyncio.gather(*(self._submit(wish) for _ in range(wish.copies)))
        if not wish.told:
            return
        works = [self._follow(wish.told[0])] if read else []
        if wish.cancel_after is not None:
            works.append(self._cancel(wish))
        await asyncio.gather(*works)

    async def _submit(self, wish: Wish) -> None:
        request = hodei.QueueJobRequest(job_definition=wish.definition(self._truth), queued_by="faults")

        async def send(client: AioClient) -> hodei.QueueJobResponse:
            wish.sent += 1
            return await client.call(JobExecutionService.queue_job, request, timeout=CALL_SECONDS)

        answer = await self.ask(send, again=wish.safe)
        if answer is not None and answer.job_id is not None:
            wish.told.append(answer.job_id.value)

    async def _cancel(self, wish: Wish) -> None:
        await asyncio.sleep(wish.cancel_after or 0)
        request = hodei.CancelJobRequest(job_id=hodei.JobId(value=wish.told[0]), reason="the load")

        async def send(client: AioClient) -> hodei.CancelJobResponse:
            return await client.call(JobExecutionService.cancel_job, request, timeout=CALL_SECONDS)

        # Refused when the job has ended meanwhile: then its end is its own.
        if await self.ask(send, fine=(grpc.StatusCode.FAILED_PRECONDITION,)) is not None:
            wish.cancelled_at = time.time()

    async def _follow(self, job: str) -> None:
        reading = Reading(job)
        self._history.readings.append(reading)

        async def read(client: AioClient) -> bool:
            request = hodei.SubscribeLogsRequest(
                job_id=job, include_history=True, since_sequence=reading.since
            )
            stream = client.stream(LogStreamService.subscribe_log_chunks, request)
            async with aclosing(stream):
                async for chunk in stream:
                    reading.chunks.append((chunk.attempt, chunk.first_sequence, chunk.lines, jobs_own(chunk)))
            return True

        reading.ended = bool(await self.ask(read))

    async def ask(
        self,
        call: Callable[[AioClient], Awaitable[T]],
        *,
        again: bool = True,
        fine: tuple[grpc.StatusCode, ...] = (),
    ) -> T | None:
        """The answer of a replica, another one each time; None if it was refused, or after PATIENCE."""
        until = time.monotonic() + PATIENCE
        while True:
            async with self._client() as client:
                try:
                    return await call(client)
                except CallFailed as failure:
                    if failure.status in fine:
                        return None
                    if failure.status not in AGAIN:
                        self._history.problems.append(f"a client was told {failure}")
                        return None
                    if not again:
                        return None
                    if time.monotonic() > until:
                        self._history.problems.append(f"a client gave up after {PATIENCE:.0f} s: {failure}")
                        return None
            await asyncio.sleep(self._random.uniform(0.05, 0.5))

    @asynccontextmanager
    async def _client(self) -> AsyncGenerator[AioClient, None]:
        replica = self._random.choice(self._system.replicas)
        async with AioClient(replica.address, token=self._system.token) as client:
            yield client


def jobs_own(chunk: Any) -> bytes:
    """The bytes of a chunk that the job wrote, and not the platform."""
    return own_bytes(chunk.runs, chunk.data)


def own_bytes(runs: bytes, data: bytes) -> bytes:
    """The same of a chunk as it is stored; `runs` says whose each run is."""
    numbers = memoryview(runs).cast("I")
    parts = []
    position = 0
    for flags, nbytes in zip(numbers[_FLAGS::4], numbers[_BYTES::4], strict=True):
        if not flags & PLATFORM:
            parts.append(data[position : position + nbytes])
        position += nbytes
    return b"".join(parts)
