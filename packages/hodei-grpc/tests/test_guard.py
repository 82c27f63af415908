"""The guard: who is let in, how often, and how many streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from attrs import define
from hodei_grpc.client import AioClient, CallFailed
from hodei_grpc.guard import Guard, Guarded, RateLimit
from hodei_grpc.methods import LogStreamService
from hodei_grpc.options import SERVER_OPTIONS
from hodei_grpc.rpc import handlers
from hodei_proto.wire import hodei


@define
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@define
class Logs:
    """Streams stay open until they are told to end."""

    end: asyncio.Event

    async def get_logs(self, request: hodei.GetLogsRequest, context: Any) -> hodei.GetLogsResponse:
        return hodei.GetLogsResponse(has_more=True)

    async def subscribe_logs(
        self, request: hodei.SubscribeLogsRequest, context: Any
    ) -> AsyncGenerator[hodei.JobLogEntry, None]:
        yield hodei.JobLogEntry(line="first")
        await self.end.wait()

    async def subscribe_log_chunks(
        self, request: hodei.SubscribeLogsRequest, context: Any
    ) -> AsyncGenerator[hodei.LogChunk, None]:
        yield hodei.LogChunk()


def guard(token: str | None = None, rate: float = 1000.0, max_streams: int = 10) -> Guard:
    return Guard(token, RateLimit(rate, Clock()), max_streams)


@asynccontextmanager
async def serving(guard: Guard, end: asyncio.Event | None = None) -> AsyncIterator[str]:
    server = grpc.aio.server(options=SERVER_OPTIONS)
    inner = handlers(LogStreamService, Logs(end or asyncio.Event()))
    server.add_generic_rpc_handlers((Guarded(inner, guard),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def get(client: AioClient) -> hodei.GetLogsResponse:
    return await client.call(LogStreamService.get_logs, hodei.GetLogsRequest(), timeout=10)


def test_a_quiet_peer_may_burst_and_then_calls_at_the_rate() -> None:
    clock = Clock()
    limit = RateLimit(10, clock)
    assert sum(limit.take("a") for _ in range(100)) == 20
    clock.now += 0.5
    assert sum(limit.take("a") for _ in range(100)) == 5
    clock.now += 1000
    assert sum(limit.take("a") for _ in range(100)) == 20


def test_each_peer_has_a_bucket_of_its_own() -> None:
    limit = RateLimit(1, Clock())
    assert [limit.take("a"), limit.take("a"), limit.take("a")] == [True, True, False]
    assert limit.take("b")


def test_only_so_many_peers_are_remembered() -> None:
    limit = RateLimit(1, Clock())
    for number in range(20_000):
        limit.take(str(number))
    assert len(limit._buckets) == 10_000


async def test_without_a_token_set_anybody_may_call() -> None:
    async with serving(guard()) as address, AioClient(address) as client:
        assert (await get(client)).has_more


@pytest.mark.parametrize("token", [None, "wrong", "", "secre", "secrets"])
async def test_a_caller_must_bear_the_token(token: str | None) -> None:
    async with serving(guard("secret")) as address, AioClient(address, token=token) as client:
        with pytest.raises(CallFailed) as caught:
            await get(client)
        assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED
        assert caught.value.code == "unauthenticated"
        assert "secret" not in caught.value.message


async def test_the_right_token_is_let_in_by_any_spelling_of_bearer() -> None:
    async with serving(guard("secret")) as address:
        for scheme in ("Bearer", "bearer", "BEARER"):
            async with AioClient(address, metadata={"authorization": f"{scheme} secret"}) as client:
                assert (await get(client)).has_more


async def test_a_stream_needs_the_token_too() -> None:
    async with serving(guard("secret")) as address, AioClient(address) as client:
        with pytest.raises(CallFailed) as caught:
            async for _ in client.stream(LogStreamService.subscribe_logs, hodei.SubscribeLogsRequest()):
                pass
        assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED


async def test_who_calls_too_often_is_told_so() -> None:
    async with serving(guard(rate=2)) as address, AioClient(address) as client:
        for _ in range(4):
            await get(client)
        with pytest.raises(CallFailed) as caught:
            await get(client)
        assert (caught.value.status, caught.value.code) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "rate-exceeded",
        )


async def test_streams_are_counted_and_a_closed_one_makes_room() -> None:
    request = hodei.SubscribeLogsRequest()
    async with serving(guard(max_streams=1)) as address, AioClient(address) as client:
        first = client.stream(LogStreamService.subscribe_logs, request)
        assert (await anext(first)).line == "first"
        with pytest.raises(CallFailed) as caught:
            await anext(client.stream(LogStreamService.subscribe_logs, request))
        assert (caught.value.status, caught.value.code) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "too-many-streams",
        )
        await first.aclose()
        async with asyncio.timeout(10):
            while True:  # the server hears of the end a moment later
                again = client.stream(LogStreamService.subscribe_logs, request)
                try:
                    assert (await anext(again)).line == "first"
                    break
                except CallFailed:
                    continue
                finally:
                    await again.aclose()


QUEUE_JOB = "/hodei.JobExecutionService/QueueJob"


@define
class Caller:
    """The context of a call, as far as the guard asks for it."""

    def peer(self) -> str:
        return "ipv4:127.0.0.1:4711"


async def test_a_leaving_server_takes_no_new_jobs_and_waits_for_those_that_are_being_brought() -> None:
    leaving, begun, go_on = guard(), asyncio.Event(), asyncio.Event()
    caller: Any = Caller()

    async def bring() -> None:
        with leaving.admitted(QUEUE_JOB):
            begun.set()
            await go_on.wait()

    assert leaving.refuses(caller, QUEUE_JOB) is None
    bringing = asyncio.create_task(bring())
    await begun.wait()
    left = asyncio.create_task(leaving.leave())
    await asyncio.sleep(0)
    refused = leaving.refuses(caller, QUEUE_JOB)
    assert refused is not None
    assert refused.code == "server.leaving"
    assert leaving.refuses(caller, "/hodei.JobExecutionService/GetJob") is None
    assert not left.done()
    go_on.set()
    await bringing
    await left
