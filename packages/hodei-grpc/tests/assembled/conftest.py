"""The assembled control plane: a real Postgres, the gRPC server, the process provider with real agents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from hodei_application.control_plane import ControlPlane
from hodei_grpc.client import AioClient
from hodei_grpc.doors import Doors
from hodei_grpc.methods import AuditService, JobExecutionService, LogStreamService
from hodei_grpc.server import Limits, Server
from hodei_infrastructure import bootstrap
from hodei_infrastructure.postgres.testing import database_url, postgres_server  # noqa: F401  (fixtures)
from hodei_proto.wire import hodei as wire

WITHIN = 30  # seconds; only a limit for what would otherwise hang


@define
class Platform:
    """A running control plane, and a client of it."""

    control: ControlPlane
    address: str
    client: AioClient
    doors: Doors

    async def queue(self, *arguments: str, **fields: Any) -> str:
        """Queue a program; the job's id."""
        command, *rest = arguments or ("",)
        definition = wire.JobDefinition(command=command, arguments=rest, **fields)
        told = await self.call(JobExecutionService.queue_job, wire.QueueJobRequest(job_definition=definition))
        assert told.job_id is not None
        return str(told.job_id.value)

    async def call(self, method: Any, request: Any) -> Any:
        return await self.client.call(method, request, timeout=WITHIN)

    async def lines(self, job: str, **fields: Any) -> list[wire.JobLogEntry]:
        """Follow a job's output to its end."""
        request = wire.SubscribeLogsRequest(job_id=job, **{"include_history": True, **fields})
        stream = self.client.stream(LogStreamService.subscribe_logs, request, timeout=WITHIN)
        return [line async for line in stream]

    async def until(self, job: str, *states: str) -> wire.GetJobResponse:
        """Watch a job until it is in one of the states."""
        request = wire.GetJobRequest(job_id=wire.JobId(value=job))
        async for told in self.client.stream(JobExecutionService.watch_job, request, timeout=WITHIN):
            if told.state in states:
                return told
        raise AssertionError(f"the job was never {states}")

    async def status(self, job: str) -> wire.GetJobStatusResponse:
        told: wire.GetJobStatusResponse = await self.call(
            JobExecutionService.get_job_status, wire.GetJobStatusRequest(job_id=wire.JobId(value=job))
        )
        return told

    async def story(self, correlation_id: str) -> list[wire.AuditLogEntry]:
        """What the audit trail has about one thing, oldest first."""
        told = await self.call(
            AuditService.get_audit_logs_by_correlation,
            wire.GetAuditLogsByCorrelationRequest(correlation_id=correlation_id),
        )
        return list(told.logs)


MakePlatform = Callable[..., Awaitable[Platform]]


@pytest.fixture
async def make_platform(database_url: str, tmp_path: Path) -> AsyncIterator[MakePlatform]:  # noqa: F811
    """Makes control planes on one database; each takes settings and stops at the end with all its workers."""
    async with AsyncExitStack() as stack:

        async def make(*, token: str | None = None, **fields: Any) -> Platform:
            fields = {"docker_enabled": False} | fields
            settings = bootstrap.Settings(data_dir=tmp_path, database_url=database_url, **fields)
            server = Server.bind("127.0.0.1", 0)
            stack.push_async_callback(server.stop, 0)
            control = await stack.enter_async_context(
                bootstrap.control_plane(settings, database_url, server.address, server.doors.open)
            )
            server.serve(control, Limits(token=token))
            await server.start()
            stack.push_async_callback(control.destroy_workers, timedelta(0), busy=True)
            client = await stack.enter_async_context(AioClient(server.address, token=token))
            return Platform(control, server.address, client, server.doors)

        yield make


@pytest.fixture
async def platform(make_platform: MakePlatform) -> Platform:
    """A control plane that makes workers of its own."""
    return await make_platform()


@pytest.fixture
async def quiet(make_platform: MakePlatform) -> Platform:
    """A control plane without workers: tests bring theirs."""
    return await make_platform(provisioning_enabled=False, dev_mode=True)
