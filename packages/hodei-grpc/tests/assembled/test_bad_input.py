"""Nothing a client sends ends in a traceback: each RPC of the contract with empty and absurd requests."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import betterproto2
import grpc
import grpc.aio
import pytest
from hodei_grpc import methods
from hodei_grpc.client import AioClient, CallFailed
from hodei_grpc.descriptors import descriptor_of, enum_class, message_class
from hodei_grpc.method import Dialogue, Method, Unary, methods_of
from hodei_proto.wire import hodei as wire

pytestmark = [pytest.mark.postgres, pytest.mark.e2e]
Platform = Any  # of conftest.py

SERVICES = [each for each in vars(methods).values() if isinstance(each, type) and methods_of(each)]
METHODS = [method for service in SERVICES for method in methods_of(service).values()]
NEVER = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
TEXTS = ["", "x", "\0", "../../etc/passwd", "' OR 1=1 --", "ñ" * 5000, str(uuid4()), f"{uuid4()}/1"]
NUMBERS = [0, -1, 1, 2**31 - 1, -(2**31)]


def filled(message: type[betterproto2.Message], text: str, number: int, depth: int = 4) -> Any:
    """A message with every field set, down to a depth."""
    declared: Any = message
    names = {each.metadata["betterproto"].number: each.name for each in fields(declared)}
    values = {}
    oneofs = set()
    for field in descriptor_of(message).fields:
        oneof = field.containing_oneof
        if oneof is not None and len(oneof.fields) > 1:
            if oneof.name in oneofs:
                continue
            oneofs.add(oneof.name)
        values[names[field.number]] = _value(field, text, number, depth)
    return message(**values)


def _value(field: Any, text: str, number: int, depth: int) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        value = field.message_type.fields_by_name["value"]
        return {text: _single(value, text, number, depth)}
    single = _single(field, text, number, depth)
    return single if not field.is_repeated else [] if single is None else [single, single]


def _single(field: Any, text: str, number: int, depth: int) -> Any:
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Timestamp":
            return datetime(1, 1, 1, tzinfo=UTC) if number < 0 else datetime(9999, 12, 31, tzinfo=UTC)
        if field.message_type.full_name == "google.protobuf.Duration":
            return timedelta(seconds=number)
        return filled(message_class(field.message_type), text, number, depth - 1) if depth else None
    if field.enum_type is not None:
        return enum_class(field.enum_type)(number)
    if field.type == field.TYPE_BYTES:
        return text.encode()
    if field.type == field.TYPE_STRING:
        return text
    if field.type == field.TYPE_BOOL:
        return bool(number)
    if field.type in (field.TYPE_UINT32, field.TYPE_UINT64):
        return abs(number)
    return float(number) if field.type in (field.TYPE_DOUBLE, field.TYPE_FLOAT) else number


@pytest.fixture
async def platform(make_platform: Any) -> Platform:
    return await make_platform(provisioning_enabled=False)


async def status_of(client: AioClient, method: Method[Any, Any], request: Any) -> grpc.StatusCode:
    try:
        if isinstance(method, Unary):
            await client.call(method, request, timeout=10)
        elif isinstance(method, Dialogue):
            await anext(client.dialogue(method, _once(request)), None)
        else:
            await anext(client.stream(method, request, timeout=0.3), None)
    except CallFailed as failed:
        return failed.status
    return grpc.StatusCode.OK


async def _once(message: Any) -> Any:
    yield message


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.path)
async def test_no_request_is_answered_as_if_it_were_our_bug(
    platform: Platform, method: Method[Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    requests = [method.request(), *(filled(method.request, text, 1) for text in TEXTS)]
    requests += [filled(method.request, TEXTS[6], number) for number in NUMBERS]
    for request in requests:
        assert await status_of(platform.client, method, request) not in NEVER, (request, caplog.text)


@pytest.mark.parametrize(
    ("method", "field"),
    [
        (methods.JobExecutionService.get_job, "job_id"),
        (methods.JobExecutionService.get_job_status, "job_id"),
        (methods.JobExecutionService.cancel_job, "job_id"),
        (methods.JobExecutionService.retry_job, "job_id"),
        (methods.SchedulerService.get_scheduling_decision, "job_id"),
        (methods.WorkerAgentService.unregister_worker, "worker_id"),
    ],
    ids=lambda value: getattr(value, "path", value),
)
async def test_a_missing_or_malformed_id_is_named(platform: Platform, method: Any, field: str) -> None:
    message = wire.JobId if field == "job_id" else wire.WorkerId
    for request, name in (
        (method.request(), field),
        (method.request(**{field: message(value="42")}), f"{field}.value"),
    ):
        with pytest.raises(CallFailed) as caught:
            await platform.call(method, request)
        assert (caught.value.status, caught.value.field) == (grpc.StatusCode.INVALID_ARGUMENT, name)
        assert caught.value.message.startswith(f"{name}: ")


async def test_bytes_that_are_no_message_are_refused(platform: Platform) -> None:
    async with grpc.aio.insecure_channel(platform.address) as channel:
        call = channel.unary_unary("/hodei.JobExecutionService/QueueJob")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"\x0a\xff")
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_does_not_exist_is_not_found(platform: Platform) -> None:
    nobody = str(uuid4())
    job, worker = wire.JobId(value=nobody), wire.WorkerId(value=nobody)
    for method, request in (
        (methods.JobExecutionService.get_job, wire.GetJobRequest(job_id=job)),
        (methods.JobExecutionService.cancel_job, wire.CancelJobRequest(job_id=job)),
        (methods.JobExecutionService.retry_job, wire.RetryJobRequest(job_id=job)),
        (methods.LogStreamService.get_logs, wire.GetLogsRequest(job_id=nobody)),
        (methods.WorkerService.get_worker, wire.GetWorkerRequest(worker_id=nobody)),
        (methods.WorkerAgentService.unregister_worker, wire.UnregisterWorkerRequest(worker_id=worker)),
    ):
        with pytest.raises(CallFailed) as caught:
            await platform.call(method, request)
        assert caught.value.status is grpc.StatusCode.NOT_FOUND, method.path


PAYLOADS = [field.name for field in descriptor_of(wire.WorkerMessage).fields]


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_nothing_an_agent_says_is_answered_as_if_it_were_our_bug(
    make_platform: Any, payload: str, caplog: pytest.LogCaptureFixture
) -> None:
    platform = await make_platform(provisioning_enabled=False, dev_mode=True)
    told = await platform.call(
        methods.WorkerAgentService.register, wire.RegisterWorkerRequest(auth_token="dev-x")
    )
    field = descriptor_of(wire.WorkerMessage).fields_by_name[payload]
    for text, number in [*((text, 1) for text in TEXTS), *((TEXTS[6], number) for number in NUMBERS)]:
        absurd = wire.WorkerMessage(**{payload: _single(field, text, number, 4)})
        hello = wire.WorkerMessage(hello=wire.WorkerHello(worker_id=told.worker_id.value))
        for said in ([absurd], [hello, absurd]):
            status = await _talk(platform.client, told.session_id, said)
            assert status not in NEVER, (said, caplog.text)


async def _talk(client: AioClient, session: str, said: list[wire.WorkerMessage]) -> grpc.StatusCode:
    async def messages() -> Any:
        for message in said:
            yield message

    stream = client.dialogue(
        methods.WorkerAgentService.worker_stream, messages(), metadata={"x-hodei-session": session}
    )
    try:
        async for _ in stream:
            pass
    except CallFailed as failed:
        return failed.status
    return grpc.StatusCode.OK
