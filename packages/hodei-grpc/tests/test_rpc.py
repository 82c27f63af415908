"""Handlers and clients together, over a real connection."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from hodei_domain.kernel.errors import InvalidInput, NotFound
from hodei_grpc import methods
from hodei_grpc.client import AioClient, CallFailed, SyncClient
from hodei_grpc.descriptors import contract_files
from hodei_grpc.introspection import Health, add_health, add_reflection
from hodei_grpc.method import Dialogue, ServerStream, Unary, methods_of
from hodei_grpc.options import SERVER_OPTIONS
from hodei_grpc.rpc import handlers, service_name
from hodei_grpc.servicers import Context, LogStreamServicer, WorkerAgentServicer
from hodei_proto.wire import hodei

ALL_SERVICES = [each for each in vars(methods).values() if isinstance(each, type) and methods_of(each)]
LOGS = methods.LogStreamService
AGENTS = methods.WorkerAgentService


class Logs(LogStreamServicer):
    """Lines for jobs "1" to "9"; whoever follows "endless" learns how a reader leaves."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def get_logs(self, request: hodei.GetLogsRequest, context: Context) -> hodei.GetLogsResponse:
        if request.job_id == "bug":
            raise RuntimeError("password=hunter2")
        if request.job_id == "overflow":
            return hodei.GetLogsResponse(entries=[hodei.JobLogEntry(attempt=2**40)])
        if request.job_id == "aborted":
            await context.abort(grpc.StatusCode.ABORTED, "by hand")
        if not request.job_id.isdigit():
            raise InvalidInput("not a number: ñ\n" + "x" * 100_000, field="job_id")
        line = dict(context.invocation_metadata() or ()).get("authorization", "")
        return hodei.GetLogsResponse(entries=[hodei.JobLogEntry(line=str(line))])

    async def subscribe_logs(
        self, request: hodei.SubscribeLogsRequest, context: Context
    ) -> AsyncIterator[hodei.JobLogEntry]:
        if request.job_id == "endless":
            try:
                yield hodei.JobLogEntry(line="first")
                await asyncio.Event().wait()
            finally:
                self.left.set()
        if not request.job_id.isdigit():
            raise NotFound("no such job")
        for number in range(int(request.job_id)):
            yield hodei.JobLogEntry(sequence=number)

    async def subscribe_log_chunks(
        self, request: hodei.SubscribeLogsRequest, context: Context
    ) -> AsyncIterator[hodei.LogChunk]:
        await asyncio.Event().wait()
        yield hodei.LogChunk()


class Agents(WorkerAgentServicer):
    """Answers each heartbeat with an acknowledgement."""

    async def worker_stream(
        self, requests: AsyncIterator[hodei.WorkerMessage], context: Context
    ) -> AsyncIterator[hodei.ServerMessage]:
        async for each in requests:
            if each.heartbeat is None:
                raise InvalidInput("a heartbeat, please")
            yield hodei.ServerMessage(ack=hodei.AckMessage(message_id=f"{each.heartbeat.active_jobs}"))

    async def register(self, request: Any, context: Context) -> hodei.RegisterWorkerResponse:
        return hodei.RegisterWorkerResponse()

    async def update_worker_status(self, request: Any, context: Context) -> hodei.UpdateWorkerStatusResponse:
        return hodei.UpdateWorkerStatusResponse()

    async def unregister_worker(self, request: Any, context: Context) -> hodei.UnregisterWorkerResponse:
        return hodei.UnregisterWorkerResponse()


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
async def health_and_address(logs: Logs) -> AsyncIterator[tuple[Health, str]]:
    server = grpc.aio.server(options=SERVER_OPTIONS)
    server.add_generic_rpc_handlers((handlers(LOGS, logs), handlers(AGENTS, Agents())))
    names = [service_name(LOGS), service_name(AGENTS)]
    add_reflection(server, names)
    health = add_health(server)
    await health.serve(names)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield health, f"127.0.0.1:{port}"
    await server.stop(0)


@pytest.fixture
def address(health_and_address: tuple[Health, str]) -> str:
    return health_and_address[1]


@pytest.fixture
async def client(address: str) -> AsyncIterator[AioClient]:
    async with AioClient(address, token="t0ken") as client:
        yield client


async def heartbeats(count: int) -> AsyncIterator[hodei.WorkerMessage]:
    for number in range(count):
        yield hodei.WorkerMessage(heartbeat=hodei.WorkerHeartbeat(active_jobs=number))


# --- the table ---


def test_the_table_has_every_rpc_of_the_proto_files_with_its_types() -> None:
    kinds = {Unary: (False, False), ServerStream: (False, True), Dialogue: (True, True)}
    ours = {
        (each.path, *(each.request.__name__, each.response.__name__), *kinds[type(each)])
        for service in ALL_SERVICES
        for each in methods_of(service).values()
    }
    theirs = {
        (
            f"/{file.package}.{service.name}/{method.name}",
            method.input_type.rpartition(".")[2],
            method.output_type.rpartition(".")[2],
            method.client_streaming,
            method.server_streaming,
        )
        for file in contract_files().file
        for service in file.service
        for method in service.method
    }
    assert ours == theirs


def test_every_python_name_is_the_rpcs_name_in_snake_case() -> None:
    for service in ALL_SERVICES:
        for name, method in methods_of(service).items():
            assert name.replace("_", "") == method.name.lower()


# --- handlers ---


def test_a_servicer_with_missing_methods_is_refused_with_their_names() -> None:
    class Half:
        async def get_logs(self, request: Any, context: Any) -> None: ...

    with pytest.raises(TypeError, match=r"Half does not fit LogStreamService: missing \['subscribe_logs'"):
        handlers(LOGS, Half())
    handlers(LOGS, Half(), unserved=["subscribe_logs", "subscribe_log_chunks"])


def test_an_rpc_that_does_not_exist_cannot_be_left_out() -> None:
    with pytest.raises(TypeError, match=r"unknown \['get_log'\]"):
        handlers(LOGS, Logs(), unserved=["get_log"])


async def test_a_call_is_answered(client: AioClient) -> None:
    answer = await client.call(LOGS.get_logs, hodei.GetLogsRequest(job_id="1"), timeout=30)
    assert answer == hodei.GetLogsResponse(entries=[hodei.JobLogEntry(line="Bearer t0ken")])


async def test_a_stream_is_read_to_its_end(client: AioClient) -> None:
    request = hodei.SubscribeLogsRequest(job_id="3")
    found = [each.sequence async for each in client.stream(LOGS.subscribe_logs, request)]
    assert found == [0, 1, 2]


async def test_a_dialogue_goes_both_ways(client: AioClient) -> None:
    answers = [each async for each in client.dialogue(AGENTS.worker_stream, heartbeats(3))]
    assert [each.ack.message_id for each in answers if each.ack] == ["0", "1", "2"]


async def test_the_threaded_client_calls_and_reads(address: str) -> None:
    def talk() -> tuple[int, list[int]]:
        with SyncClient(address) as client:
            answer = client.call(LOGS.get_logs, hodei.GetLogsRequest(job_id="1"), timeout=30)
            stream = client.stream(LOGS.subscribe_logs, hodei.SubscribeLogsRequest(job_id="2"))
            return len(answer.entries), [each.sequence for each in stream]

    assert await asyncio.to_thread(talk) == (1, [0, 1])


# --- errors ---


async def test_an_error_arrives_with_status_text_code_and_field(client: AioClient) -> None:
    with pytest.raises(CallFailed) as caught:
        await client.call(LOGS.get_logs, hodei.GetLogsRequest(job_id="x"))
    assert caught.value.status is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.message.startswith("job_id: not a number: ñ\nxxx")
    assert (caught.value.code, caught.value.field) == ("invalid", "job_id")


async def test_the_threaded_client_gets_the_same_error(address: str) -> None:
    def talk() -> None:
        with SyncClient(address) as client:
            list(client.stream(LOGS.subscribe_logs, hodei.SubscribeLogsRequest(job_id="x")))

    with pytest.raises(CallFailed, match="NOT_FOUND: no such job") as caught:
        await asyncio.to_thread(talk)
    assert caught.value.code == "not-found"


async def test_an_error_in_a_stream_ends_it(client: AioClient) -> None:
    with pytest.raises(CallFailed, match="NOT_FOUND: no such job"):
        await anext(client.stream(LOGS.subscribe_logs, hodei.SubscribeLogsRequest(job_id="x")))


async def test_an_error_in_a_dialogue_ends_it(client: AioClient) -> None:
    async def greet() -> AsyncIterator[hodei.WorkerMessage]:
        yield hodei.WorkerMessage(hello=hodei.WorkerHello())

    with pytest.raises(CallFailed, match="a heartbeat, please"):
        await anext(client.dialogue(AGENTS.worker_stream, greet()))


@pytest.mark.parametrize("job_id", ["bug", "overflow"])
async def test_a_bug_is_not_shown(client: AioClient, job_id: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(CallFailed, match="INTERNAL: internal error") as caught:
        await client.call(LOGS.get_logs, hodei.GetLogsRequest(job_id=job_id))
    assert "hunter2" not in caught.value.message
    assert caught.value.code == "internal"
    assert caplog.records[-1].exc_info is not None


async def test_a_servicer_may_still_abort_by_hand(client: AioClient) -> None:
    with pytest.raises(CallFailed, match="ABORTED: by hand"):
        await client.call(LOGS.get_logs, hodei.GetLogsRequest(job_id="aborted"))


async def test_bytes_that_are_no_request_are_an_invalid_argument(address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        single = channel.unary_unary("/hodei.LogStreamService/GetLogs")(b"\x0a\x20abc")
        stream = channel.unary_stream("/hodei.LogStreamService/SubscribeLogs")(b"\x0a\x20abc")
        for call in (single, stream):
            assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert (await call.details()).startswith("not a hodei.")


async def test_a_server_that_is_not_there_is_unavailable_without_a_code_of_ours() -> None:
    async with AioClient("127.0.0.1:1") as client:
        with pytest.raises(CallFailed) as caught:
            await client.call(LOGS.get_logs, hodei.GetLogsRequest())
    assert caught.value.status is grpc.StatusCode.UNAVAILABLE
    assert caught.value.code == ""


async def test_a_timeout_ends_a_stream(client: AioClient) -> None:
    request = hodei.SubscribeLogsRequest(job_id="1")
    with pytest.raises(CallFailed, match="DEADLINE_EXCEEDED"):
        await anext(client.stream(LOGS.subscribe_log_chunks, request, timeout=0.05))


# --- streams ---


async def test_a_streams_headers_come_before_its_first_message(address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream("/hodei.WorkerAgentService/WorkerStream")()
        await asyncio.wait_for(call.initial_metadata(), timeout=30)
        call.cancel()


async def test_when_the_reader_leaves_the_servicer_is_told(client: AioClient, logs: Logs) -> None:
    responses = client.stream(LOGS.subscribe_logs, hodei.SubscribeLogsRequest(job_id="endless"))
    assert (await anext(responses)).line == "first"
    await responses.aclose()
    await asyncio.wait_for(logs.left.wait(), timeout=30)


async def test_closing_the_threaded_clients_stream_ends_the_call(address: str, logs: Logs) -> None:
    def read_one() -> str:
        with SyncClient(address) as client:
            responses = client.stream(LOGS.subscribe_logs, hodei.SubscribeLogsRequest(job_id="endless"))
            first = next(responses)
            responses.close()
            return first.line

    assert await asyncio.to_thread(read_one) == "first"
    await asyncio.wait_for(logs.left.wait(), timeout=30)


# --- what the server tells of itself ---


async def test_reflection_v1alpha_describes_the_contract(address: str) -> None:
    def describe() -> tuple[list[str], list[str]]:
        with grpc.insecure_channel(address) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            service = DescriptorPool(database).FindServiceByName("hodei.WorkerAgentService")
            return list(database.get_services()), [each.name for each in service.methods]

    services, rpcs = await asyncio.to_thread(describe)
    assert services == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "hodei.LogStreamService",
        "hodei.WorkerAgentService",
    ]
    assert rpcs == ["Register", "WorkerStream", "UpdateWorkerStatus", "UnregisterWorker"]


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_answers_under_both_names(address: str, version: str) -> None:
    symbols = ["hodei.WorkerMessage", f"grpc.reflection.{version}.ServerReflection", "grpc.health.v1.Health"]
    asked = [reflection_pb2.ServerReflectionRequest(file_containing_symbol=each) for each in symbols]
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            reflection_pb2.ServerReflectionRequest.SerializeToString,
            reflection_pb2.ServerReflectionResponse.FromString,
        )
        answers = [each async for each in call(iter(asked))]
    files = [each.file_descriptor_response.file_descriptor_proto for each in answers]
    for symbol, found in zip(symbols, files, strict=True):
        assert any(symbol.rpartition(".")[0].encode() in each for each in found), symbol


async def test_health_is_known_for_the_server_and_each_service(
    health_and_address: tuple[Health, str],
) -> None:
    health, address = health_and_address
    async with grpc.aio.insecure_channel(address) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        names = ["", "hodei.LogStreamService", "hodei.WorkerAgentService"]
        for name in names:
            answer = await check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await health.stop()
        for name in names:
            answer = await check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


# --- what the client costs ---


def test_the_client_imports_nothing_of_the_server() -> None:
    program = (
        "import sys, hodei_grpc.client, hodei_grpc.methods;"
        "heavy = {'sqlalchemy', 'psycopg', 'hodei_application', 'hodei_infrastructure', 'hodei_grpc.rpc',"
        " 'grpc_reflection.v1alpha', 'grpc_health.v1', 'hodei_domain', 'structlog', 'uvloop'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


async def test_a_message_of_16_mib_passes(client: AioClient) -> None:
    request = hodei.GetLogsRequest(job_id="1", search="x" * (16 * 1024 * 1024 - 100))
    assert await client.call(LOGS.get_logs, request, timeout=60)


async def test_a_proxy_of_the_environment_is_not_used(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with AioClient(address) as client:
        assert await client.call(LOGS.get_logs, hodei.GetLogsRequest(job_id="1"), timeout=30)
