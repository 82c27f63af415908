"""Doors for workers: another address, on which an agent finds what it needs and nobody finds more."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hodei_domain.kernel.ids import WorkerId
from hodei_grpc.client import AioClient, CallFailed
from hodei_grpc.doors import Doors
from hodei_grpc.guard import Guard, RateLimit
from hodei_grpc.methods import JobExecutionService, WorkerAgentService, WorkerService
from hodei_grpc.server import now
from hodei_proto.wire import hodei as wire

pytestmark = [pytest.mark.postgres, pytest.mark.e2e]
Platform = Any  # of conftest.py
ELSEWHERE = "127.0.0.2"  # loopback has more than one address
WITHIN = 30


async def register(client: AioClient, token: str) -> wire.RegisterWorkerResponse:
    request = wire.RegisterWorkerRequest(auth_token=token, worker_info=wire.WorkerInfo(hostname="by-hand"))
    return await client.call(WorkerAgentService.register, request, timeout=WITHIN)


async def test_a_door_has_the_server_s_port_and_opens_once(quiet: Platform) -> None:
    address = await quiet.doors.open(ELSEWHERE)
    assert address == f"{ELSEWHERE}:{quiet.address.rpartition(':')[2]}"
    assert await quiet.doors.open(ELSEWHERE) == address


async def test_an_address_of_another_machine_has_no_door(quiet: Platform) -> None:
    assert await quiet.doors.open("192.0.2.1") is None


async def test_where_the_server_listens_itself_there_is_no_second_one(quiet: Platform) -> None:
    assert await quiet.doors.open("127.0.0.1") == quiet.address


async def test_a_worker_with_a_password_gets_in_by_the_door(quiet: Platform) -> None:
    issued = await quiet.control.issue_worker_token()
    async with AioClient(await quiet.doors.open(ELSEWHERE)) as client:
        told = await register(client, issued.token)
    assert told.worker_id == wire.WorkerId(value=str(issued.worker_id))


async def test_a_token_that_anybody_could_make_up_does_not(quiet: Platform) -> None:
    assert (await register(quiet.client, "dev-anything")).success  # in development mode it does, on loopback
    async with AioClient(await quiet.doors.open(ELSEWHERE)) as client:
        with pytest.raises(CallFailed) as caught:
            await register(client, "dev-anything")
    assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED


async def test_nobody_is_an_operator_at_the_door(quiet: Platform) -> None:
    told = await register(quiet.client, "dev-anything")
    assert told.worker_id is not None
    request = wire.UnregisterWorkerRequest(worker_id=told.worker_id, force=True)
    async with AioClient(await quiet.doors.open(ELSEWHERE)) as client:
        with pytest.raises(CallFailed) as caught:
            await client.call(WorkerAgentService.unregister_worker, request, timeout=WITHIN)
    assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED
    assert await quiet.control.get_worker(WorkerId(UUID(told.worker_id.value)))


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        (JobExecutionService.queue_job, wire.QueueJobRequest()),
        (WorkerService.list_workers, wire.ListWorkersRequest()),
    ],
)
async def test_other_services_are_not_behind_the_door(quiet: Platform, method: Any, request_: Any) -> None:
    async with AioClient(await quiet.doors.open(ELSEWHERE)) as client:
        with pytest.raises(CallFailed) as caught:
            await client.call(method, request_, timeout=WITHIN)
    assert caught.value.status is grpc.StatusCode.UNIMPLEMENTED


async def test_a_door_tells_how_it_does(quiet: Platform) -> None:
    async with grpc.aio.insecure_channel(await quiet.doors.open(ELSEWHERE)) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        told = await health.Check(health_pb2.HealthCheckRequest(service="hodei.WorkerAgentService"))
    assert told.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_taken_port_is_replaced_by_a_free_one(quiet: Platform) -> None:
    other = Doors("127.0.0.1", int(quiet.address.rpartition(":")[2]))
    other.serve(quiet.control, Guard(None, RateLimit(1000), 10), now)
    try:
        taken, free = await quiet.doors.open(ELSEWHERE), await other.open(ELSEWHERE)
        assert taken != free
    finally:
        await other.stop(0)


async def test_doors_are_closed_with_the_server(quiet: Platform) -> None:
    address = await quiet.doors.open(ELSEWHERE)
    await quiet.doors.stop(0)
    async with AioClient(address) as client:
        with pytest.raises(CallFailed) as caught:
            await register(client, "x")
    assert caught.value.status is grpc.StatusCode.UNAVAILABLE
