"""What a test asks of one replica, each call once: no patience hides a fault here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from hodei_grpc.client import AioClient
from hodei_grpc.methods import AuditService, JobExecutionService, LogStreamService
from hodei_proto.wire import hodei

from faults.clients import jobs_own
from faults.replica import Replica
from faults.system import System

WITHIN = 60.0


class Desk:
    """A client of one replica."""

    def __init__(self, system: System, replica: Replica) -> None:
        self._system = system
        self._client = AioClient(replica.address, token=system.token)

    async def __aenter__(self) -> Desk:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def queue(self, *command: str, **fields: Any) -> str:
        """Queue a program; the job's id."""
        # Marked, so that nothing of a test that fails is left behind.
        environment = {"FAULTS_TRUTH": str(self._system.place), **fields.pop("environment", {})}
        definition = hodei.JobDefinition(
            command=command[0], arguments=list(command[1:]), environment=environment, **fields
        )
        request = hodei.QueueJobRequest(job_definition=definition, queued_by="tests")
        answer = await self._client.call(JobExecutionService.queue_job, request, timeout=WITHIN)
        assert answer.job_id is not None
        return answer.job_id.value

    async def cancel(self, job: str) -> None:
        """Have it stopped."""
        request = hodei.CancelJobRequest(job_id=hodei.JobId(value=job), reason="the test")
        await self._client.call(JobExecutionService.cancel_job, request, timeout=WITHIN)

    async def job(self, job: str) -> hodei.GetJobResponse:
        """As it is now."""
        request = hodei.GetJobRequest(job_id=hodei.JobId(value=job))
        return await self._client.call(JobExecutionService.get_job, request, timeout=WITHIN)

    async def moves(self, job: str) -> list[tuple[float, hodei.GetJobResponse]]:
        """Watch it to its end: each move with the time at which it was seen."""
        request = hodei.GetJobRequest(job_id=hodei.JobId(value=job))
        stream = self._client.stream(JobExecutionService.watch_job, request, timeout=WITHIN)
        return [(time.time(), each) async for each in stream]

    async def until(self, job: str, *states: str) -> hodei.GetJobResponse:
        """Watch it until it is in one of the states."""
        request = hodei.GetJobRequest(job_id=hodei.JobId(value=job))
        stream = self._client.stream(JobExecutionService.watch_job, request, timeout=WITHIN)
        async with aclosing(stream):
            async for each in stream:
                if each.state in states:
                    return each
        raise AssertionError(f"job {job} was never {states}")

    async def output(self, job: str) -> AsyncIterator[bytes]:
        """Its output, live, as it comes."""
        request = hodei.SubscribeLogsRequest(job_id=job, include_history=True)
        stream = self._client.stream(LogStreamService.subscribe_log_chunks, request, timeout=WITHIN)
        async with aclosing(stream):
            async for chunk in stream:
                yield jobs_own(chunk)

    async def events(self, job: str) -> list[str]:
        """The kinds of its events, oldest first."""
        request = hodei.GetAuditLogsByCorrelationRequest(correlation_id=job)
        answer = await self._client.call(AuditService.get_audit_logs_by_correlation, request, timeout=WITHIN)
        return [entry.event_type for entry in answer.logs]


async def until(true: Any, within: float = WITHIN) -> float:
    """Look until `await true()` is; how many seconds that took."""
    since = time.monotonic()
    async with asyncio.timeout(within):
        while not await true():
            await asyncio.sleep(0.01)
    return time.monotonic() - since
