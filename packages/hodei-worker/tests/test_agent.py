"""The agent's answers to the server's messages, with real jobs and without a connection."""

from __future__ import annotations

import asyncio
from typing import Any

import betterproto2
import pytest
from hodei_proto.wire import hodei as wire
from hodei_worker.agent import Agent
from hodei_worker.attempt import Host
from hodei_worker.outbox import Outbox
from hodei_worker.usage import UsageMeter


class Desk:
    """An agent, and what it has to say."""

    def __init__(self, host: Host) -> None:
        self.outbox = Outbox()
        self.agent = Agent(host, self.outbox, UsageMeter(cache_seconds=0))

    def receive(self, **payload: Any) -> None:
        self.agent.receive(wire.ServerMessage(**payload))

    async def next(self, kind: str) -> Any:
        """The next message of a kind, past others."""
        async with asyncio.timeout(20):
            while True:
                message = await self.outbox.next()
                found, payload = betterproto2.which_one_of(message, "payload")
                if found == kind:
                    return payload

    async def settle(self) -> None:
        """Wait until nothing runs."""
        if self.agent._task is not None:
            await asyncio.wait_for(self.agent._task, 20)


@pytest.fixture
def desk(host: Host) -> Desk:
    return Desk(host)


def ack(job_id: str = "job-1", attempt: int = 1, accepted: bool = True) -> wire.ResultAck:
    return wire.ResultAck(job_id=job_id, attempt=attempt, accepted=accepted)


async def test_a_job_is_told_from_start_to_end(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("echo out; exit 3", job_name="named"))
    started = await desk.next("started")
    chunk = await desk.next("log_chunk")
    result = await desk.next("result")
    assert (started.job_id, started.attempt, started.limits) == ("job-1", 1, "none asked")
    assert started.pid > 0
    assert chunk.data == b"out\n"
    assert (result.exit_code, result.reason, result.success, result.started) == (3, "exit", False, True)
    assert (result.next_sequence, result.log_bytes) == (1, 4)


async def test_a_job_that_cannot_start_has_an_end_all_the_same(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("true", working_dir="/no/such/place"))
    result = await desk.next("result")
    assert (result.reason, result.started, result.success) == ("working-dir", False, False)
    assert "/no/such/place" in result.error_message
    desk.receive(result_ack=ack())
    desk.receive(run_job=order("true", attempt=2))
    assert (await desk.next("result")).success


async def test_an_empty_command_does_not_break_the_agent(desk: Desk) -> None:
    desk.receive(run_job=wire.RunJobCommand(job_id="job-1", attempt=1))
    result = await desk.next("result")
    assert (result.reason, result.started) == ("spawn", False)


async def test_an_order_said_twice_runs_once(desk: Desk, order: Any) -> None:
    for _ in range(2):
        desk.receive(run_job=order("echo once"))
    await desk.next("result")
    desk.receive(run_job=order("echo once"))  # not acknowledged yet: it is still the same
    desk.receive(result_ack=ack())
    assert list(desk.outbox) == []


async def test_a_second_job_is_given_back_while_one_runs(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("sleep 60"))
    await desk.next("started")
    desk.receive(run_job=order("true", job_id="job-2"))
    result = await desk.next("result")
    assert (result.job_id, result.reason, result.started) == ("job-2", "given-back", False)
    await desk.agent.abandon("the test is over")


async def test_a_cancelled_job_says_so(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("sleep 60"))
    await desk.next("started")
    desk.receive(cancel=wire.CancelJobCommand(job_id="job-1", attempt=1, grace_ms=1000, reason="cancelled"))
    result = await desk.next("result")
    assert (result.reason, result.signal, result.exit_code) == ("cancelled", 15, 143)


async def test_a_forced_cancel_does_not_wait(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("trap '' TERM; echo up; while :; do sleep 1; done", grace_ms=60_000))
    await desk.next("log_chunk")
    desk.receive(cancel=wire.CancelJobCommand(job_id="job-1", attempt=1, force=True))
    result = await desk.next("result")
    assert (result.reason, result.signal) == ("cancelled", 9)


async def test_a_clock_of_the_servers_gives_the_reason(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("sleep 60"))
    await desk.next("started")
    desk.receive(cancel=wire.CancelJobCommand(job_id="job-1", attempt=1, reason="timeout:total"))
    assert (await desk.next("result")).reason == "timeout:total"


async def test_a_cancel_for_another_attempt_leaves_this_one_alone(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("sleep 0.2; echo survived", attempt=2))
    desk.receive(cancel=wire.CancelJobCommand(job_id="job-1", attempt=1))
    results = {r.attempt: r for r in [await desk.next("result"), await desk.next("result")]}
    assert (results[1].reason, results[1].started) == ("cancelled", False)
    assert results[2].success


async def test_a_superseded_attempt_is_killed_and_never_heard_of_again(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("trap '' TERM; yes"))
    await desk.next("log_chunk")
    desk.receive(stop=wire.StopAttempt(job_id="job-1", attempt=1, reason="superseded"))
    assert list(desk.outbox) == []
    await desk.settle()
    desk.receive(run_job=order("true", attempt=3))
    result = await desk.next("result")
    assert result.attempt == 3


async def test_the_next_job_waits_until_the_superseded_one_is_gone(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("sleep 60"))
    await desk.next("started")
    desk.receive(stop=wire.StopAttempt(job_id="job-1", attempt=1))
    desk.receive(run_job=order("echo next", attempt=2))
    result = await desk.next("result")
    assert (result.attempt, result.success) == (2, True)


async def test_a_stop_for_an_ended_attempt_forgets_its_result(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("true"))
    await desk.settle()
    desk.receive(stop=wire.StopAttempt(job_id="job-1", attempt=1))
    assert list(desk.outbox) == []


async def test_everything_is_held_until_the_result_is_acknowledged(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("echo out"))
    await desk.next("result")
    desk.receive(log_ack=wire.LogAck(job_id="job-1", attempt=1, next_sequence=1))
    hello = desk.agent.hello().hello
    assert [(f.job_id, f.attempt, f.next_sequence) for f in hello.finished] == [("job-1", 1, 1)]
    desk.receive(result_ack=ack())
    assert desk.agent.hello().hello.finished == []


async def test_a_hello_tells_what_runs_and_from_where(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("echo out; sleep 60"))
    await desk.next("log_chunk")
    hello = desk.agent.hello().hello
    assert [(r.job_id, r.attempt, r.next_sequence) for r in hello.running] == [("job-1", 1, 0)]
    assert (hello.worker_id, hello.protocol) == ("worker-1", 1)
    await desk.agent.abandon("the test is over")


async def test_a_heartbeat_says_what_the_job_uses(desk: Desk, order: Any) -> None:
    idle = desk.agent.heartbeat().heartbeat
    assert (idle.status, idle.active_jobs) == (wire.WorkerStatus.WORKER_STATUS_AVAILABLE, 0)
    desk.receive(run_job=order("echo up; while :; do :; done"))
    await desk.next("log_chunk")
    busy = desk.agent.heartbeat().heartbeat
    assert (busy.status, busy.running_job_ids) == (wire.WorkerStatus.JOB_STATUS_BUSY, ["job-1"])
    assert busy.usage.memory_bytes > 100_000
    await desk.agent.abandon("the test is over")


async def test_draining_lets_the_job_finish_and_takes_no_other(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("sleep 0.3; echo finished"))
    await desk.next("started")
    desk.receive(drain=wire.DrainWorker(deadline_ms=60_000, reason="scale down"))
    assert (await desk.next("status")).status == wire.WorkerStatus.WORKER_STATUS_DRAINING
    desk.receive(run_job=order("true", job_id="job-2"))
    results = {r.job_id: r for r in [await desk.next("result"), await desk.next("result")]}
    assert results["job-2"].reason == "given-back"
    assert results["job-1"].success
    await asyncio.wait_for(desk.agent.drained.wait(), 10)


async def test_a_job_that_is_not_done_by_the_deadline_is_handed_back(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("sleep 60"))
    await desk.next("started")
    desk.receive(drain=wire.DrainWorker(deadline_ms=50))
    result = await desk.next("result")
    assert (result.reason, result.started) == ("worker-lost", True)
    await asyncio.wait_for(desk.agent.drained.wait(), 10)


async def test_an_idle_agent_is_drained_at_once(desk: Desk) -> None:
    desk.agent.drain(60, "asked")
    assert desk.agent.drained.is_set()


async def test_messages_of_a_newer_server_are_passed_over(desk: Desk) -> None:
    desk.agent.receive(wire.ServerMessage.parse(b"\xca\x06\x00"))  # field 105, which nobody knows yet
    desk.agent.receive(wire.ServerMessage(ack=wire.AckMessage(success=True)))


async def test_heartbeats_overtake_output(desk: Desk, order: Any) -> None:
    desk.receive(run_job=order("seq 1 200000"))
    await desk.settle()
    desk.outbox.post(desk.agent.heartbeat())
    assert (await desk.outbox.next()).heartbeat is not None
