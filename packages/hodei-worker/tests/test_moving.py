"""An agent that its server asks to go to another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
from hodei_proto.wire import hodei as wire
from hodei_worker.agent import Agent
from hodei_worker.attempt import Host
from hodei_worker.backoff import Backoff
from hodei_worker.connection import Connection
from hodei_worker.outbox import Outbox

MOVE = wire.MoveWorker(server_id="second")


@pytest.fixture
async def second(server: Any) -> AsyncIterator[Any]:
    """Another server of the same database."""
    other = type(server)()
    await other.start()
    server.server_id, other.server_id = "first", "second"
    yield other
    await other.stop()


@pytest.fixture
async def connection(server: Any, second: Any, host: Host) -> AsyncIterator[Connection]:
    """An agent that knows both and begins with the first one."""

    def make_agent(worker_id: str, outbox: Outbox) -> Agent:
        return Agent(replace(host, worker_id=worker_id), outbox)

    def request(session_id: str) -> wire.RegisterWorkerRequest:
        return wire.RegisterWorkerRequest(auth_token="token", session_id=session_id)

    listed = f"127.0.0.1:{server.port},127.0.0.1:{second.port}"
    connection = Connection(listed, request, make_agent, Backoff(0.01, 0.1))
    if connection._servers.current.endswith(f":{second.port}"):
        connection._servers.turn()
    task = asyncio.create_task(connection.keep())
    yield connection
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if connection.agent.done():
        await connection.agent.result().abandon("the test is over")


async def test_an_idle_agent_goes_when_the_other_server_has_let_it_in(
    server: Any, second: Any, connection: Connection, order: Any
) -> None:
    side = await server.connected()
    await side.welcome()
    side.send(move=MOVE)
    await asyncio.wait_for(side.half_closed.wait(), 20)
    assert second.streams.empty()  # it is at one server at a time
    side.end()
    there = await second.connected()
    hello = await there.welcome()
    assert (hello.running, hello.finished, there.session_id) == ([], [], "session-1")
    request = second.registrations[0]
    assert (request.auth_token, request.session_id) == ("", "session-1")
    there.send(run_job=order("exit 7"))
    assert (await there.finish()).exit_code == 7
    assert len(second.registrations) == 1


async def test_a_job_that_was_on_its_way_when_the_agent_left_runs_once(
    server: Any, second: Any, connection: Connection, order: Any
) -> None:
    side = await server.connected()
    await side.welcome()
    side.send(move=MOVE)
    await asyncio.wait_for(side.half_closed.wait(), 20)
    side.send(run_job=order("echo out; exit 5"))
    side.end()
    there = await second.connected()
    hello = await there.welcome()
    held = [*hello.running, *hello.finished]
    assert [(a.job_id, a.attempt) for a in held] == [("job-1", 1)]
    assert (await there.finish()).exit_code == 5
    assert [c.data for c in there.chunks] == [b"out\n"]


async def test_an_agent_that_runs_a_job_stays(
    server: Any, second: Any, connection: Connection, order: Any
) -> None:
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order("sleep 60"))
    await side.next("started")
    side.send(move=MOVE)
    side.send(cancel=wire.CancelJobCommand(job_id="job-1", attempt=1, force=True))
    await side.finish()
    assert second.registrations == []
    side.send(move=MOVE)  # it may be asked again
    await asyncio.wait_for(side.half_closed.wait(), 20)


@pytest.mark.parametrize("there", ["another", "refuses", "gone"])
async def test_an_agent_that_does_not_find_the_server_stays(
    server: Any, second: Any, connection: Connection, order: Any, there: str
) -> None:
    side = await server.connected()
    await side.welcome(heartbeat_interval_ms=60_000)
    if there == "refuses":
        second.refuse = grpc.StatusCode.UNAUTHENTICATED
    elif there == "gone":
        await second.stop()
    else:
        second.server_id = "third"
    side.send(move=MOVE)
    if there != "gone":
        await second.registered(1)
    side.send(run_job=order("exit 3"))
    assert (await side.finish()).exit_code == 3
    assert second.streams.empty()


async def test_a_server_that_does_not_let_go_is_left(
    server: Any, second: Any, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_worker.stream.LETS_GO_WITHIN", 0.05)
    side = await server.connected()
    await side.welcome()
    side.send(move=MOVE)
    await (await second.connected()).welcome()
