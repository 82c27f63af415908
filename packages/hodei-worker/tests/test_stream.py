"""The agent against a server on the wire: coming, going, coming back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import betterproto2
import grpc
import pytest
from hodei_proto.wire import hodei as wire
from hodei_worker.agent import Agent
from hodei_worker.attempt import Host
from hodei_worker.backoff import Backoff
from hodei_worker.chunk import Chunk
from hodei_worker.connection import Connection, LostTouch, Refused
from hodei_worker.convert import registration
from hodei_worker.machine import look_at_machine
from hodei_worker.outbox import Outbox
from hodei_worker.scratch import Scratch
from hodei_worker.settings import Settings


class Client:
    """An agent's connection, kept by a task."""

    def __init__(self, server: Any, host: Host, directory: Path) -> None:
        settings = Settings(
            server=f"127.0.0.1:{server.port}",
            otp="token",
            worker_id="worker-1",
            name="w",
            directory=directory,
        )
        machine = look_at_machine(directory)

        def request(session_id: str) -> wire.RegisterWorkerRequest:
            return registration(
                settings,
                machine,
                version="1",
                limits="rlimit",
                session_id=session_id,
                started_at=datetime.now(UTC),
            )

        def make_agent(worker_id: str, outbox: Outbox) -> Agent:
            return Agent(replace(host, worker_id=worker_id), outbox)

        self.connection = Connection(settings.server, request, make_agent, Backoff(0.01, 0.1))
        self.task = asyncio.create_task(self.connection.keep())


@pytest.fixture
async def client(server: Any, host: Host, tmp_path: Path) -> AsyncIterator[Client]:
    client = Client(server, host, tmp_path)
    yield client
    client.task.cancel()
    await asyncio.gather(client.task, return_exceptions=True)
    if client.connection.agent.done():
        await client.connection.agent.result().abandon("the test is over")


async def test_an_agent_registers_then_says_hello_with_its_session(server: Any, client: Client) -> None:
    side = await server.connected()
    hello = await side.welcome()
    request = server.registrations[0]
    assert (request.auth_token, request.session_id) == ("token", "")
    assert request.worker_info.labels["hodei.limits"] == "rlimit"
    assert request.worker_info.capacity.cpu_cores >= 1
    assert request.worker_info.capacity.memory_bytes > 2**20
    assert side.session_id == "session-1"
    assert (hello.worker_id, hello.running, hello.finished) == ("worker-1", [], [])


async def test_a_job_runs_over_the_wire(server: Any, client: Client, order: Any) -> None:
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order("echo hello; exit 7"))
    result = await side.finish()
    kinds = [betterproto2.which_one_of(message, "payload")[0] for message in side.seen]
    assert kinds == ["hello", "started", "log_chunk", "result"]
    assert (result.exit_code, result.next_sequence) == (7, 1)


async def test_heartbeats_come_as_often_as_the_server_wants(server: Any, client: Client) -> None:
    side = await server.connected()
    await side.welcome(heartbeat_interval_ms=20)
    for _ in range(3):
        heartbeat = await side.next("heartbeat")
        side.send(ack=wire.AckMessage(success=True))
    assert heartbeat.worker_id.value == "worker-1"


async def test_heartbeats_go_on_under_a_flood_of_output(server: Any, client: Client, order: Any) -> None:
    side = await server.connected()
    await side.welcome(heartbeat_interval_ms=20)
    side.send(run_job=order("yes"))
    for _ in range(5):
        await side.next("heartbeat")
        side.send(ack=wire.AckMessage(success=True))
        acknowledge(side)
    side.send(cancel=wire.CancelJobCommand(job_id="job-1", attempt=1, force=True))
    await until_result(side)


async def test_a_silent_server_is_left_for_a_new_stream(server: Any, client: Client) -> None:
    side = await server.connected()
    await side.welcome(heartbeat_interval_ms=20)
    again = await server.connected()  # nothing was ever acknowledged on the first
    await again.welcome()
    assert server.registrations[-1].session_id == "session-1"


async def test_a_job_survives_the_servers_restart_without_gap_or_duplicate(
    server: Any, client: Client, order: Any, read: Any, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order(f"seq 1 20000; until [ -e {gate} ]; do sleep 0.02; done; seq 20001 30000"))
    await side.next("log_chunk")
    side.send(log_ack=wire.LogAck(job_id="job-1", attempt=1, next_sequence=side.chunks[0].next_sequence))
    await server.stop()
    gate.touch()
    await server.start()
    again = await server.connected()
    stored = side.chunks[0]
    hello = await again.welcome(answers=[answer(stored.next_sequence)])
    held = [*hello.running, *hello.finished]
    assert [(a.job_id, a.attempt) for a in held] == [("job-1", 1)]
    assert held[0].next_sequence in (0, stored.next_sequence)  # the ack may have been on its way
    result = await until_result(again)
    output = read([stored, *again.chunks])
    assert output.stdout == b"".join(b"%d\n" % n for n in range(1, 30_001))
    assert result.next_sequence == 30_000


async def test_a_chatty_job_ends_while_the_server_is_away(
    server: Any, client: Client, order: Any, read: Any, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order(f"until [ -e {gate} ]; do sleep 0.02; done; seq 1 2000000"))
    await side.next("started")
    await server.stop()
    gate.touch()
    agent = client.connection.agent.result()
    await asyncio.wait_for(agent._task, 30)  # 14 MB, three times the window: it did not have to wait
    await server.start()
    again = await server.connected()
    await again.welcome()
    await until_result(again)
    assert read(again.chunks).stdout == b"".join(b"%d\n" % n for n in range(1, 2_000_001))


async def test_a_result_is_told_again_until_it_is_acknowledged(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order("exit 5"))
    await side.next("result")
    side.end()
    again = await server.connected()
    hello = await again.welcome()
    assert [(f.job_id, f.attempt) for f in hello.finished] == [("job-1", 1)]
    assert (await again.finish()).exit_code == 5
    again.send(run_job=order("exit 6", attempt=2))
    assert (await again.next("result")).exit_code == 6


async def test_a_result_that_the_server_has_is_not_told_again(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order("exit 5"))
    await side.next("result")
    side.end()
    again = await server.connected()
    await again.welcome(answers=[answer(0, wire.AttemptAction.DONE)])
    again.send(run_job=order("exit 6", attempt=2))
    assert (await again.next("result")).attempt == 2


async def test_an_attempt_that_was_given_to_another_is_killed_on_return(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order("trap '' TERM; while :; do sleep 1; done"))
    await side.next("started")
    side.end()
    again = await server.connected()
    await again.welcome(answers=[answer(0, wire.AttemptAction.STOP)])
    again.send(run_job=order("true", attempt=2))
    result = await again.next("result")
    assert (result.attempt, result.success) == (2, True)


async def test_an_attempt_that_the_welcome_passes_over_is_told_again(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order("echo out; exit 5"))
    await side.next("result")
    side.end()
    again = await server.connected()
    await again.welcome(answers=[])
    assert (await again.finish()).exit_code == 5
    assert [c.data for c in again.chunks] == [b"out\n"]


async def test_a_draining_agent_says_so_on_its_next_stream(server: Any, client: Client, order: Any) -> None:
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order("sleep 60"))
    await side.next("started")
    await server.stop()
    client.connection.agent.result().drain(60, "asked meanwhile")
    await server.start()
    again = await server.connected()
    await again.welcome()
    assert (await again.next("status")).status == wire.WorkerStatus.WORKER_STATUS_DRAINING


async def test_a_refused_agent_does_not_try_again(server: Any, host: Host, tmp_path: Path) -> None:
    server.refuse = grpc.StatusCode.UNAUTHENTICATED
    client = Client(server, host, tmp_path)
    with pytest.raises(Refused, match="used already"):
        await asyncio.wait_for(client.task, 20)
    assert len(server.registrations) == 1


async def test_a_worker_that_the_server_forgot_stops_its_tries(server: Any, client: Client) -> None:
    side = await server.connected()
    await side.welcome()
    server.refuse = grpc.StatusCode.UNAUTHENTICATED
    side.end()
    with pytest.raises(Refused):
        await asyncio.wait_for(client.task, 20)


async def test_a_server_that_is_busy_is_asked_again(server: Any, client: Client) -> None:
    server.refuse = grpc.StatusCode.UNAVAILABLE
    await server.registered(3)
    server.refuse = None
    await (await server.connected()).welcome()


async def test_an_agent_that_cannot_come_back_within_its_lease_gives_up(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome(lease_ms=100, heartbeat_interval_ms=50)
    await side.next("heartbeat")  # it has read the welcome
    await server.stop()
    with pytest.raises(LostTouch):
        await asyncio.wait_for(client.task, 20)


async def test_a_job_is_dead_before_its_lease_ends_and_what_it_wrote_is_told_later(
    server: Any, client: Client, order: Any, read: Any, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    side = await server.connected()
    await side.welcome(lease_ms=2000, heartbeat_interval_ms=50)
    side.send(run_job=order(f"echo out; echo $$ > {pid_file}; trap '' TERM; while :; do sleep 1; done"))
    await side.next("log_chunk")
    await server.stop()
    cut_off_at = asyncio.get_running_loop().time()
    agent = client.connection.agent.result()
    await asyncio.wait_for(agent._task, 20)
    assert asyncio.get_running_loop().time() - cut_off_at < 2
    assert not Path(f"/proc/{int(pid_file.read_text())}").exists()
    await server.start()
    again = await server.connected()
    hello = await again.welcome()
    assert [(f.job_id, f.attempt) for f in hello.finished] == [("job-1", 1)]
    result = await again.finish()
    assert (result.reason, result.started) == ("worker-lost", True)
    assert read(again.chunks).stdout == b"out\n"


async def test_what_the_server_says_of_the_lease_counts_however_well_the_stream_is(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome(lease_ms=900, heartbeat_interval_ms=200)
    side.send(run_job=order("sleep 60"))
    await side.next("started")
    answers = iter([900] * 10)  # two seconds in which it is renewed, then no more
    async with asyncio.timeout(20):
        while (message := await side.incoming.get()).result is None:
            if message.heartbeat is not None:
                side.send(ack=wire.AckMessage(success=True, lease_ms=next(answers, 1)))
    assert message.result.reason == "worker-lost"
    assert next(answers, None) is None


async def test_an_order_that_comes_when_the_lease_is_over_is_given_back_unstarted(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome(lease_ms=50)
    await asyncio.sleep(0.06)  # the lease is what it waits for
    side.send(run_job=order("true"))
    result = await side.next("result")
    assert (result.reason, result.started) == ("given-back", False)


async def test_an_order_that_comes_when_the_lease_is_over_makes_it_ask_at_once(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome(lease_ms=50, heartbeat_interval_ms=3_600_000)
    await asyncio.sleep(0.06)  # the lease is what it waits for
    side.send(run_job=order("true"))
    await side.next("result")
    await side.next("heartbeat")
    side.send(ack=wire.AckMessage(success=True, lease_ms=60_000))
    side.send(run_job=order("true", attempt=2))
    assert (await side.next("result")).reason == "exit"


async def test_a_job_that_begins_with_an_old_lease_makes_it_ask_for_a_new_one_at_once(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome(lease_ms=2000, heartbeat_interval_ms=3_600_000)
    await asyncio.sleep(0.6)  # more than a quarter of the lease is gone: that is what it waits for
    side.send(run_job=order("sleep 60"))
    await side.next("heartbeat")


async def test_a_job_that_begins_with_a_young_lease_costs_no_heartbeat(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome(lease_ms=60_000, heartbeat_interval_ms=3_600_000)
    side.send(run_job=order("true"))
    async with asyncio.timeout(20):
        while (message := await side.incoming.get()).result is None:
            assert message.heartbeat is None


async def test_an_end_that_waits_is_told_when_the_lease_is_long_over(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome(lease_ms=100, heartbeat_interval_ms=30)
    side.send(run_job=order("exit 5"))
    await side.next("result")
    await server.stop()
    agent = client.connection.agent.result()
    await asyncio.sleep(0.3)  # three leases
    assert agent.lease.over
    assert not client.task.done()
    await server.start()
    again = await server.connected()
    await again.welcome()
    assert (await again.finish()).exit_code == 5


async def test_an_end_that_nobody_took_stays_on_disk_when_the_agent_ends(
    server: Any, client: Client, order: Any, host: Host
) -> None:
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order("echo out; exit 5"))
    await side.next("result")
    await server.stop()
    assert client.connection.close() is True
    host.scratch.close(keep_spool=True)
    [left] = host.scratch.base.glob("agent-*/spool/*")
    assert b"out\n" in left.read_bytes()
    assert b'"exit_code": 5' in left.read_bytes()
    assert sorted(each.name for each in left.parent.parent.iterdir()) == ["lock", "spool"]


async def test_a_full_spool_makes_the_job_wait_and_nothing_is_lost(
    server: Any, client: Client, order: Any, read: Any, host: Host, tmp_path: Path
) -> None:
    assert host.shelf is not None
    host.shelf._capacity = 1 << 20
    gate = tmp_path / "gate"
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order(f"until [ -e {gate} ]; do sleep 0.02; done; seq 1 1500000"))
    await side.next("started")
    await server.stop()
    gate.touch()
    agent = client.connection.agent.result()
    pump = agent._current._pump
    blocked, take = asyncio.Event(), pump._unwatch
    pump._unwatch = lambda pipe: (take(pipe), pump._blocked and blocked.set())
    await asyncio.wait_for(blocked.wait(), 20)  # window, disk and pipe are full: 10 MB do not fit
    assert agent.busy
    await server.start()
    again = await server.connected()
    await again.welcome()
    await until_result(again)
    assert read(again.chunks).stdout == b"".join(b"%d\n" % n for n in range(1, 1_500_001))


async def test_a_job_that_asked_for_it_loses_output_with_a_mark_instead_of_waiting(
    server: Any, client: Client, order: Any, read: Any, host: Host, tmp_path: Path
) -> None:
    assert host.shelf is not None
    host.shelf._capacity = 1 << 20
    gate = tmp_path / "gate"
    side = await server.connected()
    await side.welcome()
    side.send(run_job=order(f"until [ -e {gate} ]; do sleep 0.02; done; seq 1 1500000", drop_logs=True))
    await side.next("started")
    await server.stop()
    gate.touch()
    agent = client.connection.agent.result()
    await asyncio.wait_for(agent._task, 30)
    await server.start()
    again = await server.connected()
    await again.welcome()
    await until_result(again)
    told = read(again.chunks)
    lost = sum(entry.gap_bytes for entry in told.entries)
    assert lost > 0
    assert len(told.stdout) + lost == sum(len(b"%d\n" % n) for n in range(1, 1_500_001))


async def test_one_that_is_let_in_and_cut_off_again_and_again_does_not_try_ever_faster(
    server: Any, client: Client
) -> None:
    waits: list[float] = []
    wait = client.connection._backoff.next_seconds
    client.connection._backoff.next_seconds = lambda: waits.append(wait()) or waits[-1]  # type: ignore[method-assign,func-returns-value]
    for _ in range(6):
        side = await server.connected()
        await side.welcome()
        side.end()
    assert client.connection._backoff._failures >= 5


async def test_a_spool_of_a_dead_agent_is_not_swept_without_a_word(
    scratch: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scratch.make()
    [spool] = scratch.base.glob("agent-*/spool")
    (spool / "000000001").write_bytes(b"x" * 2000)
    scratch.close(keep_spool=True)
    later = Scratch(scratch.base)
    assert later.sweep() == 1
    assert "left 2 KiB of output or ends" in caplog.text
    later.close()


async def test_output_stays_within_the_window_while_nothing_is_acknowledged(
    server: Any, client: Client, order: Any
) -> None:
    side = await server.connected()
    await side.welcome(heartbeat_interval_ms=50)
    side.send(run_job=order("yes"))
    for _ in range(6):
        await side.next("heartbeat")
        side.send(ack=wire.AckMessage(success=True))
    assert 2**20 < sum(len(c.data) for c in side.chunks) < 6 * 2**20


# -- small words ------------------------------------------------------------------------------------


def answer(
    next_sequence: int, action: wire.AttemptAction = wire.AttemptAction.CONTINUE
) -> wire.AttemptAnswer:
    return wire.AttemptAnswer(job_id="job-1", attempt=1, action=action, next_sequence=next_sequence)


def acknowledge(side: Any) -> None:
    if side.chunks:
        side.send(log_ack=wire.LogAck(job_id="job-1", attempt=1, next_sequence=side.chunks[-1].next_sequence))


async def until_result(side: Any) -> Any:
    """Read to the end, acknowledging output as it comes."""
    reading = asyncio.create_task(side.finish())
    known: list[Chunk] = []
    while not reading.done():
        if len(side.chunks) > len(known):
            known = list(side.chunks)
            acknowledge(side)
        await asyncio.wait((reading,), timeout=0.01)
    return await reading
