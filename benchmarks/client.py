"""A client of the platform, as a benchmark needs it: submit, await, read the output."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta

from attrs import frozen
from hodei_grpc.client import AioClient
from hodei_grpc.methods import JobExecutionService, LogStreamService, SchedulerService, WorkerService
from hodei_proto.wire.hodei import (
    GetJobRequest,
    GetJobResponse,
    GetQueueStatusRequest,
    JobDefinition,
    JobId,
    ListWorkersRequest,
    LogChunk,
    QueueJobRequest,
    QueueStatus,
    SubscribeLogsRequest,
    TimeoutConfig,
    WorkerView,
)

# A call that takes longer has hung; no figure comes near.
PATIENCE = 60.0
OVER = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT"})


class JobWentWrong(Exception):
    """A job of the benchmark did not succeed: what was measured is not what was meant."""


@frozen
class Client:
    """Talks to one server over one connection."""

    calls: AioClient

    async def submit(self, *command: str, name: str = "benchmark", image: str = "") -> str:
        """Queue a command, executed as it is; return the job's id when the server has acknowledged it. A job
        with an image that has not started within PATIENCE ends: the image may not be to be had.
        """
        definition = JobDefinition(name=name, command=command[0], arguments=list(command[1:]), image=image)
        if image:
            definition.timeout = TimeoutConfig(queue_timeout=timedelta(seconds=PATIENCE))
        request = QueueJobRequest(job_definition=definition, queued_by="benchmark")
        response = await self.calls.call(JobExecutionService.queue_job, request, timeout=PATIENCE)
        assert response.job_id is not None
        return response.job_id.value

    async def ended(self, job_id: str) -> GetJobResponse:
        """Wait until the job has ended. Raise JobWentWrong unless it succeeded."""
        request = GetJobRequest(job_id=JobId(value=job_id))
        last = GetJobResponse()
        watch = self.calls.stream(JobExecutionService.watch_job, request)
        async with aclosing(watch):
            async for last in watch:  # noqa: B007  (the last one counts)
                pass
        if last.state != "SUCCEEDED":
            raise JobWentWrong(f"{job_id} is {last.state or 'unknown'}: {last.reason} {last.message}")
        return last

    async def run(self, *command: str) -> GetJobResponse:
        """Queue a command and wait for its end."""
        return await self.ended(await self.submit(*command))

    async def chunks(self, job_id: str) -> AsyncGenerator[LogChunk, None]:
        """All output from the beginning, live, until the job has ended and everything was sent."""
        request = SubscribeLogsRequest(job_id=job_id, include_history=True)
        stream = self.calls.stream(LogStreamService.subscribe_log_chunks, request)
        async with aclosing(stream):
            async for chunk in stream:
                yield chunk

    async def first_bytes(self, job_id: str) -> float:
        """When (by time.perf_counter) the first that the job wrote was here. Raise JobWentWrong, with the
        reason for its end, if it wrote nothing.
        """
        async with aclosing(self.chunks(job_id)) as chunks:
            async for chunk in chunks:
                if jobs_own(chunk):
                    return time.perf_counter()
        await self.ended(job_id)
        raise JobWentWrong(f"{job_id} succeeded without a line")

    async def output(self, job_id: str) -> bytes:
        """What the job wrote, the platform's own lines left out."""
        return b"".join([jobs_own(chunk) async for chunk in self.chunks(job_id)])

    async def queue(self) -> QueueStatus:
        """How many jobs are where."""
        response = await self.calls.call(
            SchedulerService.get_queue_status, GetQueueStatusRequest(), timeout=PATIENCE
        )
        assert response.status is not None
        return response.status

    async def workers(self) -> list[WorkerView]:
        """The workers that have not ended."""
        response = await self.calls.call(
            WorkerService.list_workers, ListWorkersRequest(limit=1000), timeout=PATIENCE
        )
        return response.workers


def jobs_own(chunk: LogChunk) -> bytes:
    """The bytes of a chunk that the job wrote; `runs` says whose each run is."""
    runs = memoryview(chunk.runs).cast("I")
    parts = []
    position = 0
    for flags, nbytes in zip(runs[0::4], runs[3::4], strict=True):
        if not flags & 4:
            parts.append(chunk.data[position : position + nbytes])
        position += nbytes
    return b"".join(parts)


def instant(text: datetime | None) -> float:
    """Seconds since 1970 of a time on the wire. Raise JobWentWrong if it is not there."""
    if text is None:
        raise JobWentWrong("a time is missing that an ended job has")
    return text.timestamp()
