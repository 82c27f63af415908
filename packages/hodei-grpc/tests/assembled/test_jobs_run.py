"""Jobs from the client's call to the end, with real agents."""

from __future__ import annotations

import json
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from hodei_domain.jobs.order import LARGEST_ORDER, MIB
from hodei_grpc.client import AioClient, CallFailed
from hodei_grpc.methods import (
    JobExecutionService,
    LogStreamService,
    ProviderManagementService,
    SchedulerService,
    WorkerService,
)
from hodei_infrastructure.process import proc
from hodei_proto.wire import hodei as wire

pytestmark = [pytest.mark.postgres, pytest.mark.e2e]
Platform = Any  # of conftest.py


async def test_a_job_runs_on_a_worker_made_for_it_and_shows_output_result_and_story(
    platform: Platform,
) -> None:
    job = await platform.queue(
        "sh", "-c", 'echo "hello $NAME"; echo bad >&2; exit 3', environment={"NAME": "you"}
    )
    lines = await platform.lines(job)
    assert sorted((line.line, line.is_stderr) for line in lines) == [("bad", True), ("hello you", False)]
    assert [line.sequence for line in lines] == [1, 2]
    status = await platform.status(job)
    assert (status.status, status.exit_code, status.reason) == ("FAILED", 3, "exit")
    assert status.worker_id
    story = await platform.story(job)
    moves = [entry for entry in story if entry.event_type != "JobProvisioning"]
    assert [entry.event_type for entry in moves] == [
        "JobCreated",
        "JobAssigned",
        "JobStatusChanged",
        "JobStatusChanged",
    ]
    making = [json.loads(entry.payload_json) for entry in story if entry not in moves]
    assert making[0]["stage"] == "making a worker"
    assert making[0]["worker_id"] == status.worker_id
    told = [json.loads(entry.payload_json) for entry in moves]
    assert [(each.get("old_state"), each.get("new_state")) for each in told[2:]] == [
        ("SCHEDULED", "RUNNING"),
        ("RUNNING", "FAILED"),
    ]
    times = [entry.occurred_at for entry in story]
    assert times == sorted(set(times))


async def test_a_command_line_goes_through_a_shell(platform: Platform) -> None:
    job = await platform.queue("echo one && echo two | tr a-z A-Z")
    assert [line.line for line in await platform.lines(job)] == ["one", "TWO"]
    assert (await platform.status(job)).status == "COMPLETED"


async def test_the_second_job_reuses_the_worker_of_the_first(platform: Platform) -> None:
    first = await platform.queue("true")
    await platform.until(first, "SUCCEEDED")
    second = await platform.queue("true")
    await platform.until(second, "SUCCEEDED")
    assert (await platform.status(first)).worker_id == (await platform.status(second)).worker_id


async def test_a_job_that_runs_too_long_ends_with_the_clocks_name(platform: Platform) -> None:
    job = await platform.queue(
        "sleep", "300", timeout=wire.TimeoutConfig(seconds=1, cleanup_timeout=timedelta(0))
    )
    assert await platform.lines(job) == []
    status = await platform.status(job)
    assert (status.status, status.reason) == ("TIMEOUT", "timeout:execution")


async def test_the_largest_job_that_is_taken_is_delivered_and_read_back(platform: Platform) -> None:
    size = LARGEST_ORDER - 8 * MIB - 4096
    big = wire.ScriptCommand(interpreter="sh", content="wc -c\nexit\n" + "#" * 8 * MIB)
    job = await platform.queue(script=big, stdin="x" * size)
    assert [line.line for line in await platform.lines(job)] == [str(size)]
    shown = (await platform.until(job, "SUCCEEDED")).job
    assert shown is not None
    assert (shown.script, len(shown.stdin or "")) == (big, size)


async def test_a_job_that_is_too_large_as_a_whole_is_refused_with_what_is_too_large(
    platform: Platform,
) -> None:
    nine = "#" * 9 * MIB
    with pytest.raises(CallFailed, match=r"script 9.00 MiB, stdin 9.00 MiB") as refused:
        await platform.queue(script=wire.ScriptCommand(interpreter="sh", content=nine), stdin=nine)
    assert refused.value.status is grpc.StatusCode.INVALID_ARGUMENT
    assert "job_definition.script.content" in str(refused.value)


async def test_a_running_job_is_cancelled_and_cancelling_twice_is_no_error(platform: Platform) -> None:
    job = await platform.queue("sleep", "300")
    await platform.until(job, "RUNNING")
    request = wire.CancelJobRequest(job_id=wire.JobId(value=job), reason="changed my mind")
    for _ in range(2):
        assert (await platform.call(JobExecutionService.cancel_job, request)).success
    ended = await platform.until(job, "CANCELLED")
    assert ended.cancel_requested
    assert (await platform.call(JobExecutionService.cancel_job, request)).success
    assert "JobCancelled" in [entry.event_type for entry in await platform.story(job)]


async def test_the_same_submission_twice_is_one_job_and_another_is_refused(platform: Platform) -> None:
    id = str(uuid4())
    definition = wire.JobDefinition(job_id=wire.JobId(value=id), command="true")
    request = wire.QueueJobRequest(job_definition=definition)
    first = await platform.call(JobExecutionService.queue_job, request)
    again = await platform.call(JobExecutionService.queue_job, request)
    assert (first.job_id, first.duplicate) == (again.job_id, False)
    assert again.duplicate
    definition.command = "false"
    with pytest.raises(CallFailed) as caught:
        await platform.call(JobExecutionService.queue_job, request)
    assert (caught.value.status, caught.value.code) == (grpc.StatusCode.ALREADY_EXISTS, "job.already-exists")


async def test_of_many_submissions_each_has_its_answer(platform: Platform) -> None:
    id = await platform.queue("true")
    other = wire.JobDefinition(job_id=wire.JobId(value=id), command="false")
    requests = [
        wire.QueueJobRequest(job_definition=wire.JobDefinition(command="true")),
        wire.QueueJobRequest(job_definition=other),
    ]
    told = await platform.call(JobExecutionService.queue_jobs, wire.QueueJobsRequest(requests=requests))
    assert [each.success for each in told.responses] == [True, False]
    assert "job.already-exists" in told.responses[1].message


async def test_who_calls_and_their_correlation_id_are_kept(platform: Platform) -> None:
    metadata = {"x-actor-id": "ana", "x-correlation-id": "build-7"}
    async with AioClient(platform.address, metadata=metadata) as client:
        told = await client.call(
            JobExecutionService.queue_job,
            wire.QueueJobRequest(job_definition=wire.JobDefinition(command="true")),
        )
    job = told.job_id.value
    details = await platform.until(job, "SUCCEEDED")
    assert (details.queued_by, details.correlation_id) == ("ana", "build-7")
    assert (await platform.story("build-7"))[0].event_type == "JobCreated"
    assert (await platform.story(job))[0].actor == "ana"


async def test_output_can_be_read_again_by_tail_page_and_search(platform: Platform) -> None:
    job = await platform.queue("sh", "-c", "seq 1 50; echo ERROR: it broke >&2")
    everything = await platform.lines(job)
    assert len(everything) == 51
    tail = await platform.lines(job, include_history=False, tail_lines=3)
    assert [line.sequence for line in tail] == [49, 50, 51]
    request = wire.GetLogsRequest(job_id=job, limit=20, since_sequence=10)
    page = await platform.call(LogStreamService.get_logs, request)
    assert [line.sequence for line in page.entries] == list(range(11, 31))
    assert page.has_more
    found = await platform.call(LogStreamService.get_logs, wire.GetLogsRequest(job_id=job, search="broke"))
    assert [(line.line, line.level) for line in found.entries] == [("ERROR: it broke", "ERROR")]
    errors = await platform.call(LogStreamService.get_logs, wire.GetLogsRequest(job_id=job, level="error"))
    assert errors.entries == found.entries


async def test_long_lines_come_in_pages_that_fit_into_a_message(platform: Platform) -> None:
    line = "head -c 300000 /dev/zero | tr '\\0' '\\377'; echo"  # each byte becomes three as text
    job = await platform.queue("sh", "-c", f"for i in $(seq 80); do {line}; done; echo end")
    await platform.until(job, "SUCCEEDED")
    since, found = 0, []
    while True:
        request = wire.GetLogsRequest(job_id=job, since_sequence=since)
        page = await platform.call(LogStreamService.get_logs, request)
        found += page.entries
        since = found[-1].sequence
        if not page.has_more:
            break
    assert sum(len(each.line) for each in found) == 80 * 300_000 + len("end")


async def test_a_search_goes_on_to_the_first_line_that_it_finds(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_application.logs.get_logs.LONGEST_SCAN", 10)
    monkeypatch.setattr("hodei_application.logs.scanning.PAGE", 1)
    lines = "for i in 1 2 3; do echo nothing here; sleep 0.3; done; echo needle"
    job = await platform.queue("sh", "-c", lines)
    await platform.until(job, "SUCCEEDED")
    found = await platform.call(LogStreamService.get_logs, wire.GetLogsRequest(job_id=job, search="needle"))
    assert [each.line for each in found.entries] == ["needle"]


async def test_chunks_hold_the_exact_bytes(platform: Platform) -> None:
    job = await platform.queue("printf", r"a\nb\377")
    await platform.until(job, "SUCCEEDED")
    request = wire.SubscribeLogsRequest(job_id=job, include_history=True)
    chunks = [chunk async for chunk in platform.client.stream(LogStreamService.subscribe_log_chunks, request)]
    assert b"".join(chunk.data for chunk in chunks) == b"a\nb\xff"


async def test_a_reader_that_leaves_in_the_middle_is_forgotten(platform: Platform) -> None:
    job = await platform.queue("sh", "-c", "echo begun; exec sleep 300")
    request = wire.SubscribeLogsRequest(job_id=job, include_history=True)
    stream = platform.client.stream(LogStreamService.subscribe_logs, request)
    assert (await anext(stream)).line == "begun"
    followers = platform.control.follow_logs.logs.followers
    assert len(followers.keys()) == 1
    await stream.aclose()
    # The answer to a later call comes after the end of the stream on the same connection was seen.
    for _ in range(100):
        if not followers.keys():
            break
        await platform.status(job)
    assert followers.keys() == []


async def test_a_worker_serves_again_after_a_job_that_was_never_found(platform: Platform) -> None:
    job = await platform.queue("no-such-program", "x")
    ended = await platform.until(job, "FAILED")
    assert ended.reason == "command-not-found"
    again = await platform.queue("true")
    await platform.until(again, "SUCCEEDED")
    assert (await platform.status(again)).worker_id == ended.worker_id


async def test_a_retried_job_is_a_new_one_that_names_the_old(platform: Platform) -> None:
    job = await platform.queue("sh", "-c", 'test "$WORD" = yes')
    await platform.until(job, "FAILED")
    request = wire.RetryJobRequest(job_id=wire.JobId(value=job), environment={"WORD": "yes"})
    told = await platform.call(JobExecutionService.retry_job, request)
    details = await platform.until(told.job_id.value, "SUCCEEDED")
    assert details.job is not None
    assert (details.job.rerun_of, details.job.environment) == (job, {"WORD": "yes"})


async def test_providers_workers_queue_and_decisions_can_be_asked_for(platform: Platform) -> None:
    job = await platform.queue("true")
    await platform.until(job, "SUCCEEDED")
    (listed,) = (
        await platform.call(ProviderManagementService.list_providers, wire.ListProvidersRequest())
    ).providers
    assert (listed.name, listed.type, listed.enabled) == ("process", "BARE_METAL", True)
    health = await platform.call(
        ProviderManagementService.get_provider_health, wire.GetProviderHealthRequest(name_or_id="process")
    )
    assert health.healthy
    (worker,) = (await platform.call(WorkerService.list_workers, wire.ListWorkersRequest())).workers
    assert (worker.provider, worker.state, worker.connected) == ("process", "READY", True)
    (available,) = (
        await platform.call(SchedulerService.get_available_workers, wire.GetAvailableWorkersRequest())
    ).workers
    assert available.worker_id == wire.WorkerId(value=worker.id)
    assert available.current_usage is not None
    assert available.scheduling_info is not None
    assert (available.scheduling_info.score, available.scheduling_info.reason) == (
        1.0,
        ["idle for the longest time"],
    )
    queue = await platform.call(SchedulerService.get_queue_status, wire.GetQueueStatusRequest())
    assert (queue.status.completed_jobs, queue.status.pending_jobs) == (1, 0)
    decision = await platform.call(
        SchedulerService.get_scheduling_decision,
        wire.GetSchedulingDecisionRequest(job_id=wire.JobId(value=job)),
    )
    assert decision.decision.selected_worker_id == available.worker_id
    assert decision.decision.reasons


async def test_a_job_that_waits_says_why(platform: Platform) -> None:
    job = await platform.queue("true", image="alpine:3.20")
    details = await platform.call(
        JobExecutionService.get_job, wire.GetJobRequest(job_id=wire.JobId(value=job))
    )
    assert details.state == "PENDING"
    assert any("runs no images" in reason.reason for reason in details.pending_reasons)


async def test_the_scheduler_is_really_configured(platform: Platform) -> None:
    config = wire.SchedulerConfig(
        enabled_plugins=["LeastLoaded"],
        plugin_config={"idle_ttl": "7.5", "provider_strategy": "healthiest"},
        requeue_delay=timedelta(seconds=2),
    )
    request = wire.ConfigureSchedulerRequest(config=config)
    assert (await platform.call(SchedulerService.configure_scheduler, request)).success
    now = await platform.control.scheduler_config()
    assert (now.worker_strategy, now.provider_strategy) == ("LeastLoaded", "Healthiest")
    assert (now.idle_ttl, now.requeue_delay) == (timedelta(seconds=7.5), timedelta(seconds=2))
    config.enabled_plugins = ["Nonsense"]
    with pytest.raises(CallFailed) as caught:
        await platform.call(SchedulerService.configure_scheduler, request)
    assert caught.value.status is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_job_whose_worker_is_killed_runs_again_and_nothing_of_the_first_try_is_left(
    platform: Platform, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    job = await platform.queue("sh", "-c", f"echo $$ >> {marks}; test $HODEI_ATTEMPT = 2 || exec sleep 300")
    first = await platform.until(job, "RUNNING")
    marker = json.loads((tmp_path / "workers" / f"{first.worker_id}.json").read_text())
    os.kill(marker["pid"], signal.SIGKILL)
    ended = await platform.until(job, "SUCCEEDED")
    assert (ended.attempt, ended.worker_id != first.worker_id) == (2, True)
    pids = [int(line) for line in marks.read_text().split()]
    assert len(pids) == 2
    # The lost worker is destroyed with all it had started; the new one is told of only after that.
    await platform.control.destroy_workers(timedelta(0), busy=True)
    assert not proc.running().keys() & set(pids)
    events = [entry.event_type for entry in await platform.story(first.worker_id)]
    assert events[-1] == "WorkerTerminated"
