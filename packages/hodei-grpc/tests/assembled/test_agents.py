"""The door for agents: passwords, sessions, streams; and existing workers, played over a plain connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from attrs import define, field
from hodei_domain.kernel.ids import JobId
from hodei_grpc.client import AioClient, CallFailed
from hodei_grpc.methods import JobExecutionService, WorkerAgentService, WorkerService
from hodei_proto.wire import hodei as wire

pytestmark = [pytest.mark.postgres, pytest.mark.e2e]
Platform = Any  # of conftest.py
WITHIN = 30
DEV = "dev-test"


@define
class Stream:
    """One stream of a worker: what it says, and what it is told."""

    worker_id: str
    _said: asyncio.Queue[wire.WorkerMessage | None] = field(factory=asyncio.Queue)
    _told: Any = None

    async def messages(self) -> AsyncIterator[wire.WorkerMessage]:
        while (message := await self._said.get()) is not None:
            yield message

    def say(self, **payload: Any) -> None:
        self._said.put_nowait(wire.WorkerMessage(**payload))

    def beat(self, worker_id: str | None = None) -> None:
        available = wire.WorkerStatus.WORKER_STATUS_AVAILABLE
        named = wire.WorkerId(value=self.worker_id if worker_id is None else worker_id)
        self.say(heartbeat=wire.WorkerHeartbeat(worker_id=named, status=available))

    def hang_up(self) -> None:
        self._said.put_nowait(None)

    async def hear(self, what: Callable[[wire.ServerMessage], Any]) -> Any:
        """The next message that has this; others are passed over."""
        async with asyncio.timeout(WITHIN):
            async for message in self._told:
                found = what(message)
                if found is not None:
                    return found
        raise AssertionError("the stream ended")

    async def refusal(self) -> CallFailed:
        """How the server ends the stream."""
        try:
            await self.hear(lambda message: None)
        except CallFailed as failed:
            return failed
        raise AssertionError("the stream was not refused")


@asynccontextmanager
async def streaming(client: AioClient, worker_id: str, session: str = "") -> AsyncIterator[Stream]:
    stream = Stream(worker_id)
    metadata = {"x-hodei-session": session} if session else {}
    stream._told = client.dialogue(WorkerAgentService.worker_stream, stream.messages(), metadata=metadata)
    try:
        yield stream
    finally:
        stream.hang_up()
        await stream._told.aclose()


async def register(client: AioClient, token: str, **fields: Any) -> wire.RegisterWorkerResponse:
    info = wire.WorkerInfo(hostname="by-hand", **fields)
    request = wire.RegisterWorkerRequest(auth_token=token, worker_info=info)
    return await client.call(WorkerAgentService.register, request, timeout=WITHIN)


@asynccontextmanager
async def existing_worker(platform: Platform) -> AsyncIterator[Stream]:
    """As an existing worker does it: no session in the metadata, no hello, a heartbeat first."""
    async with AioClient(platform.address) as client:
        told = await register(client, DEV)
        assert told.worker_id is not None
        async with streaming(client, told.worker_id.value) as stream:
            stream.beat()
            await stream.hear(lambda message: message.ack)
            yield stream


# --- passwords and sessions ---


async def test_a_password_lets_one_worker_in_once(quiet: Platform) -> None:
    issued = await quiet.control.issue_worker_token()
    told = await register(quiet.client, issued.token)
    assert (told.success, told.worker_id) == (True, wire.WorkerId(value=str(issued.worker_id)))
    with pytest.raises(CallFailed) as caught:
        await register(quiet.client, issued.token)
    assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED
    assert "used already" in caught.value.message
    assert issued.token not in caught.value.message


async def test_of_many_that_race_with_one_password_one_gets_in(quiet: Platform) -> None:
    issued = await quiet.control.issue_worker_token()
    told = await asyncio.gather(
        *(register(quiet.client, issued.token) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(each, wire.RegisterWorkerResponse) for each in told) == 1


async def test_a_worker_comes_back_with_its_session_and_its_used_password(quiet: Platform) -> None:
    issued = await quiet.control.issue_worker_token()
    first = await register(quiet.client, issued.token)
    request = wire.RegisterWorkerRequest(auth_token=issued.token, session_id=first.session_id)
    again = await quiet.call(WorkerAgentService.register, request)
    assert (again.worker_id, again.session_id) == (first.worker_id, first.session_id)


@pytest.mark.parametrize("token", ["", "nonsense", "hodw_00.x", "hodw_" + "0" * 32 + "." + "A" * 43])
async def test_nonsense_lets_nobody_in(quiet: Platform, token: str) -> None:
    with pytest.raises(CallFailed) as caught:
        await register(quiet.client, token)
    assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED


async def test_a_password_is_bound_to_its_worker(quiet: Platform) -> None:
    issued = await quiet.control.issue_worker_token()
    with pytest.raises(CallFailed) as caught:
        await register(quiet.client, issued.token, worker_id=wire.WorkerId(value=str(uuid4())))
    assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED
    assert (await register(quiet.client, issued.token)).success


async def test_development_passwords_count_in_development_mode_only(make_platform: Any) -> None:
    platform = await make_platform(provisioning_enabled=False)
    with pytest.raises(CallFailed) as caught:
        await register(platform.client, DEV)
    assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED


async def test_a_server_with_a_token_lets_agents_in_without_it(make_platform: Any) -> None:
    platform = await make_platform(token="secret", provisioning_enabled=False)
    issued = await platform.control.issue_worker_token()
    async with AioClient(platform.address) as stranger:
        assert (await register(stranger, issued.token)).success
        with pytest.raises(CallFailed) as caught:
            await stranger.call(WorkerService.list_workers, wire.ListWorkersRequest())
        assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED


# --- streams ---


async def test_a_stream_of_nobody_is_refused(quiet: Platform) -> None:
    async with streaming(quiet.client, str(uuid4())) as stream:
        stream.beat()
        assert (await stream.refusal()).status is grpc.StatusCode.UNAUTHENTICATED


async def test_a_made_up_session_is_refused(quiet: Platform) -> None:
    session = "hods_" + "0" * 32 + "." + "A" * 43
    async with streaming(quiet.client, str(uuid4()), session) as stream:
        stream.beat()
        assert (await stream.refusal()).status is grpc.StatusCode.UNAUTHENTICATED


async def test_a_stream_speaks_for_its_own_worker_only(quiet: Platform) -> None:
    mine = await register(quiet.client, DEV)
    other = await register(quiet.client, DEV)
    for payload in (
        {"heartbeat": wire.WorkerHeartbeat(worker_id=other.worker_id)},
        {"hello": wire.WorkerHello(worker_id=other.worker_id.value)},
    ):
        async with streaming(quiet.client, mine.worker_id.value, mine.session_id) as stream:
            stream.say(**payload)
            assert (await stream.refusal()).status is grpc.StatusCode.PERMISSION_DENIED


async def test_a_hello_is_answered_with_a_welcome_and_a_heartbeat_with_an_ack(quiet: Platform) -> None:
    told = await register(quiet.client, DEV)
    async with streaming(quiet.client, told.worker_id.value, told.session_id) as stream:
        ghost = wire.RunningAttempt(job_id=str(uuid4()), attempt=1)
        stream.say(hello=wire.WorkerHello(worker_id=told.worker_id.value, running=[ghost], protocol=1))
        welcome = await stream.hear(lambda message: message.welcome)
        assert [answer.action for answer in welcome.answers] == [wire.AttemptAction.STOP]
        assert welcome.heartbeat_interval_ms > 0
        stream.beat()
        assert (await stream.hear(lambda message: message.ack)).success


async def test_the_first_message_must_say_who_it_is(quiet: Platform) -> None:
    told = await register(quiet.client, DEV)
    async with streaming(quiet.client, told.worker_id.value, told.session_id) as stream:
        stream.say(log=wire.LogEntry(line="x"))
        assert (await stream.refusal()).status is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_newest_stream_of_a_worker_counts(quiet: Platform) -> None:
    told = await register(quiet.client, DEV)
    async with streaming(quiet.client, told.worker_id.value, told.session_id) as old:
        old.say(hello=wire.WorkerHello())
        await old.hear(lambda message: message.welcome)
        async with streaming(quiet.client, told.worker_id.value, told.session_id) as new:
            new.say(hello=wire.WorkerHello())
            await new.hear(lambda message: message.welcome)
            async with asyncio.timeout(WITHIN):
                assert [message async for message in old._told] == []
            job = await quiet.queue("true")
            assert (await new.hear(lambda message: message.run_job)).job_id == job


async def test_only_itself_and_the_operator_may_send_a_worker_away(make_platform: Any) -> None:
    platform = await make_platform(token="secret", provisioning_enabled=False, dev_mode=True)
    async with AioClient(platform.address) as mine, AioClient(platform.address) as other:
        me, them = await register(mine, DEV), await register(other, DEV)
        assert me.worker_id is not None
        request = wire.UnregisterWorkerRequest(worker_id=me.worker_id, force=True)
        with pytest.raises(CallFailed) as caught:
            await other.call(WorkerAgentService.unregister_worker, request)
        assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED
        named = {"x-hodei-session": them.session_id}
        async with AioClient(platform.address, metadata=named) as impostor:
            with pytest.raises(CallFailed) as caught:
                await impostor.call(WorkerAgentService.unregister_worker, request)
            assert caught.value.status is grpc.StatusCode.PERMISSION_DENIED
        async with AioClient(platform.address) as stranger:
            with pytest.raises(CallFailed) as caught:
                await stranger.call(WorkerAgentService.unregister_worker, request)
            assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED
        assert (await mine.call(WorkerAgentService.unregister_worker, request)).success
        operator = wire.UnregisterWorkerRequest(worker_id=them.worker_id, force=True)
        assert (await platform.call(WorkerAgentService.unregister_worker, operator)).success


# --- existing workers ---


async def test_an_existing_worker_runs_a_job(quiet: Platform) -> None:
    async with existing_worker(quiet) as worker:
        job = await quiet.queue("echo a && echo b")
        run = await worker.hear(lambda message: message.run_job)
        assert run.job_id == job
        assert run.command.shell == wire.ShellCommand(cmd="/bin/sh", args=["-c", "echo a && echo b"])
        assert run.timeout_ms >= 1000
        assert run.working_dir
        worker.say(log=wire.LogEntry(job_id=job, line="a"))
        await quiet.until(job, "RUNNING")  # it never says so itself
        worker.beat()  # AVAILABLE, although it is busy
        entries = [
            wire.LogEntry(job_id=job, line="b"),
            wire.LogEntry(job_id=job, line="oops", is_stderr=True),
        ]
        worker.say(log_batch=wire.LogBatch(job_id=job, entries=entries))
        worker.say(result=wire.JobResultMessage(job_id=job, exit_code=0, success=True))
        lines = await quiet.lines(job)
        assert [(line.line, line.is_stderr) for line in lines] == [("a", False), ("b", False), ("oops", True)]
        assert (await quiet.status(job)).status == "COMPLETED"


async def test_a_busy_existing_worker_gets_no_second_job_although_it_says_available(quiet: Platform) -> None:
    async with existing_worker(quiet) as worker:
        first, second = await quiet.queue("true"), await quiet.queue("true")
        run = await worker.hear(lambda message: message.run_job)
        assert run.job_id == first
        worker.beat()
        # The next message is the answer to the heartbeat, not another job.
        assert await worker.hear(lambda message: "job" if message.run_job else message.ack) != "job"
        assert (await quiet.status(second)).status == "PENDING"
        worker.say(result=wire.JobResultMessage(job_id=first, exit_code=5))
        assert (await worker.hear(lambda message: message.run_job)).job_id == second
        assert (await quiet.status(first)).exit_code == 5


async def test_a_timeout_of_an_existing_worker_is_a_text(quiet: Platform) -> None:
    async with existing_worker(quiet) as worker:
        job = await quiet.queue("sleep", "300", timeout=wire.TimeoutConfig(seconds=2))
        assert (await worker.hear(lambda message: message.run_job)).timeout_ms == 2000
        text = "Command timed out after 2s"
        worker.say(result=wire.JobResultMessage(job_id=job, exit_code=-1, error_message=text))
        ended = await quiet.until(job, "TIMEOUT")
        assert (ended.reason, ended.message) == ("timeout:execution", text)


async def test_an_existing_worker_is_told_to_cancel(quiet: Platform) -> None:
    async with existing_worker(quiet) as worker:
        job = await quiet.queue("sleep", "300")
        await worker.hear(lambda message: message.run_job)
        await quiet.control.cancel_job(JobId(UUID(job)))
        assert (await worker.hear(lambda message: message.cancel)).job_id == job
        worker.say(result=wire.JobResultMessage(job_id=job, exit_code=-1, error_message="killed"))
        await quiet.until(job, "CANCELLED")


async def test_what_an_existing_worker_says_of_another_ones_job_changes_nothing(quiet: Platform) -> None:
    async with existing_worker(quiet) as worker:
        job = await quiet.queue("true")
        await worker.hear(lambda message: message.run_job)
        async with existing_worker(quiet) as liar:
            liar.say(log=wire.LogEntry(job_id=job, line="forged"))
            liar.say(result=wire.JobResultMessage(job_id=job, exit_code=0, success=True))
            liar.beat()
            await liar.hear(lambda message: message.ack)  # what it said before was taken in
            assert (await quiet.status(job)).status == "ASSIGNED"
        worker.say(log=wire.LogEntry(job_id=job, line="true"))
        worker.say(result=wire.JobResultMessage(job_id=job, exit_code=1))
        assert [line.line for line in await quiet.lines(job)] == ["true"]
        assert (await quiet.status(job)).status == "FAILED"


# --- executors that tell of attempts by calls of their own ---


async def test_an_attempt_can_be_told_of_by_calls(quiet: Platform) -> None:
    async with existing_worker(quiet) as worker:
        job = await quiet.queue("true")
        await worker.hear(lambda message: message.run_job)
        execution, job_id = wire.ExecutionId(value=f"{job}/1"), wire.JobId(value=job)
        seen = quiet.client.stream(JobExecutionService.execution_event_stream, execution, timeout=WITHIN)
        assert (await anext(seen)).state is wire.ExecutionState.STARTING
        started = wire.StartJobRequest(execution_id=execution, job_id=job_id)
        assert (await quiet.call(JobExecutionService.start_job, started)).started_at is not None
        progress = wire.UpdateProgressRequest(
            execution_id=execution, progress_percentage=40, current_stage="build", message="halfway"
        )
        await quiet.call(JobExecutionService.update_progress, progress)
        details = await quiet.call(JobExecutionService.get_job, wire.GetJobRequest(job_id=job_id))
        assert (details.progress_percentage, details.progress_stage) == (40, "build")
        done = wire.CompleteJobRequest(execution_id=execution, exit_code="7", error_output="it broke")
        assert (await quiet.call(JobExecutionService.complete_job, done)).message == "failed"
        *_, last = [move async for move in seen]
        assert (last.state, last.exit_code, last.error_message) == (
            wire.ExecutionState.FAILED,
            "7",
            "it broke",
        )
        with pytest.raises(CallFailed) as caught:
            await quiet.call(JobExecutionService.complete_job, done)
        assert caught.value.status is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_failed_attempt_says_what_kind_of_failure_it_was(quiet: Platform) -> None:
    async with existing_worker(quiet) as worker:
        job = await quiet.queue("true")
        await worker.hear(lambda message: message.run_job)
        execution = wire.ExecutionId(value=f"{job}/1")
        failed = wire.FailJobRequest(execution_id=execution, error_type="Disk", error_message="is full")
        assert (await quiet.call(JobExecutionService.fail_job, failed)).success
        status = await quiet.status(job)
        assert (status.status, status.message) == ("FAILED", "Disk: is full")
