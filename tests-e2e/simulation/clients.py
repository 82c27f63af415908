"""Clients: they submit, perhaps twice, cancel, follow, release, run again, and note what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from itertools import count
from random import Random
from typing import Any, TypeVar

import grpc
import grpc.aio
from hodei_application.jobs.submit_job import Submission, Submitted
from hodei_application.logs.follow_logs import LogRequest
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import entries, split_sequence

from simulation.history import Asked, History
from simulation.net import Call, Line, Network, Replica

T = TypeVar("T")

PATIENCE = 300.0  # seconds for which a client asks again and again
FOR_GOOD = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ALREADY_EXISTS,
)


class Client:
    """One program that uses Hodei."""

    def __init__(self, name: str, net: Network, random: Random, history: History) -> None:
        self.name = name
        self._net = net
        self._random = random
        self._history = history
        self._now = asyncio.get_running_loop().time
        self._number = count().__next__

    async def serve(self, submission: Submission, at: float) -> None:
        """See one job through."""
        await asyncio.sleep(at)
        asked = self._asked(submission)
        job_id = await self._submit(submission, asked)
        if job_id is None:
            return
        works = [self._keep_releasing(job_id)]
        if self._random.random() < 0.6:
            reader = f"{self.name}-{self._number()}"
            self._history.readers[reader] = (str(job_id), False)
            works.append(self._follow(job_id, reader))
        if self._random.random() < 0.3:
            works.append(self._watch(job_id, f"{self.name}-{self._number()}"))
        if self._random.random() < 0.25:
            works.append(self._cancel(job_id, self._random.uniform(0, 30)))
        if self._random.random() < 0.1:
            works.append(self._rerun(job_id, self._random.uniform(5, 40)))
        await asyncio.gather(*works)

    def _asked(self, submission: Submission) -> Asked:
        asked = Asked(
            name=f"{self.name}/{len(self._history.asked)}",
            by_id=None if submission.job_id is None else str(submission.job_id),
            by_key=submission.idempotency_key,
            spec=submission.spec,
        )
        self._history.asked.append(asked)
        return asked

    async def _submit(self, submission: Submission, asked: Asked) -> JobId | None:
        """Until it is acknowledged. One that cannot be told from another is sent once."""
        safe = submission.job_id is not None or submission.idempotency_key is not None
        times = self._random.choice((1, 1, 2, 3)) if safe else 1
        told: list[JobId] = []

        async def once() -> None:
            await asyncio.sleep(self._random.choice((0.0, 0.0, 0.05, 3.0)))
            answer = await self._until(lambda r: self._send(r, submission, asked), again=safe)
            if answer is not None:
                asked.told.append(str(answer.job.id))
                told.append(answer.job.id)
                self._history.note(f"{asked.name} is told {answer.job.id} {answer.duplicate}")

        await asyncio.gather(*(once() for _ in range(times)))
        return told[0] if told else None

    async def _send(self, replica: Replica, submission: Submission, asked: Asked) -> Submitted:
        asked.sent += 1
        return await replica.control.submit_job(submission)  # type: ignore[no-any-return]

    async def _cancel(self, job_id: JobId, after: float) -> None:
        await asyncio.sleep(after)
        done = await self._until(lambda r: r.control.cancel_job(job_id, by=self.name))
        if done is not None:
            self._history.cancelled.setdefault(str(job_id), self._now())
            self._history.note(f"{self.name} is told that {job_id} is cancelled: {done.state}")

    async def _rerun(self, job_id: JobId, after: float) -> None:
        """Run it again; one that is held is released instead, and which of both it was may never be heard."""
        await asyncio.sleep(after)
        asked = Asked(name=f"rerun of {job_id}", by_id=None, by_key=None, spec=None)
        self._history.asked.append(asked)
        key = str(job_id)
        self._history.released[key] = self._history.released.get(key, 0) + 1

        async def retry(replica: Replica) -> Submitted:
            asked.sent += 1
            told: Submitted = await replica.control.retry_job(job_id)
            return told

        told = await self._until(retry, again=False)
        if told is not None and not told.duplicate:
            asked.told.append(str(told.job.id))

    async def _keep_releasing(self, job_id: JobId) -> None:
        """Look at the job until it is over; release it, or cancel it, when it is held."""
        until = self._now() + 4 * PATIENCE
        while self._now() < until:
            job: Job | None = await self._until(lambda r: r.control.read_job(job_id))
            if job is None or job.is_over:
                return
            if job.held:
                if self._random.random() < 0.5:
                    await self._cancel(job_id, 0.0)
                else:
                    await self._rerun(job_id, 0.0)
            await asyncio.sleep(self._random.uniform(3, 8))

    async def _follow(self, job_id: JobId, reader: str) -> None:
        """Read the job's output to its end, going on where it was when the stream broke."""
        lines = self._history.read.setdefault(reader, [])
        since = 0
        until = self._now() + 4 * PATIENCE
        while self._now() < until:
            request = LogRequest(job_id=job_id, since=since)
            call = self._stream(lambda control, wanted=request: control.follow_logs(wanted))  # type: ignore[misc]
            try:
                while (chunk := await call.read()) is not grpc.aio.EOF:
                    for entry in entries(chunk):
                        since = entry.sequence
                        attempt, sequence = split_sequence(entry.sequence)
                        lines.append((attempt, sequence, entry.data))
                self._history.readers[reader] = (str(job_id), True)
                return
            except grpc.aio.AioRpcError as error:
                if error.code() in FOR_GOOD:
                    return
            finally:
                call.cancel()
            await asyncio.sleep(self._random.uniform(0.1, 2))

    async def _watch(self, job_id: JobId, watcher: str) -> None:
        """Watch the job until its end, in one stream after the other."""
        until, number = self._now() + 4 * PATIENCE, 0
        while self._now() < until:
            number += 1
            seen: list[tuple[int, str]] = []
            self._history.watched[f"{watcher}.{number}"] = (str(job_id), seen)
            call = self._stream(lambda control: control.watch_job(job_id))
            try:
                while (job := await call.read()) is not grpc.aio.EOF:
                    seen.append((job.version, job.state.value))
                seen.append((0, "the end"))
                return
            except grpc.aio.AioRpcError as error:
                if error.code() in FOR_GOOD:
                    return
            finally:
                call.cancel()
            await asyncio.sleep(self._random.uniform(0.1, 2))

    def _stream(self, work: Callable[[Any], AsyncIterator[Any]]) -> Call:
        def respond(replica: Replica, _: AsyncIterator[Any]) -> AsyncIterator[Any]:
            return work(replica.control)

        return Call(Line(self._net, self.name, self._net.choose_replica(), respond))

    async def _until(
        self, work: Callable[[Replica], Coroutine[Any, Any, T]], *, again: bool = True
    ) -> T | None:
        """Ask until there is an answer; None if there never is, or if it is a refusal."""
        until = self._now() + PATIENCE
        while True:
            try:
                return await self._ask(work)
            except grpc.aio.AioRpcError as error:
                if not again or error.code() in FOR_GOOD or self._now() > until:
                    return None
            await asyncio.sleep(self._random.uniform(0.1, 2))

    async def _ask(self, work: Callable[[Replica], Coroutine[Any, Any, T]]) -> T:
        return await self._net.ask(self.name, self._net.choose_replica(), work)
