"""Whatever a client sends, it gets a clear refusal that names the field, and the platform goes on."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest
from hodei_grpc.client import CallFailed, SyncClient
from hodei_grpc.methods import JobExecutionService, LogStreamService
from hodei_proto.wire import hodei

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def queue(platform: Any, **fields: Any) -> hodei.QueueJobResponse:
    with platform.client() as client:
        request = hodei.QueueJobRequest(job_definition=hodei.JobDefinition(**fields), queued_by="tests")
        answer: hodei.QueueJobResponse = client.call(JobExecutionService.queue_job, request, timeout=30)
        return answer


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"command": ""}, "command"),
        ({"command": "true", "job_id": hodei.JobId(value="no-uuid")}, "job_id"),
        ({"command": "true", "timeout": hodei.TimeoutConfig(seconds=0)}, "timeout"),
        ({"command": "true", "timeout": hodei.TimeoutConfig(seconds=-5)}, "timeout"),
        (
            {"command": "true", "timeout": hodei.TimeoutConfig(execution_timeout=timedelta(seconds=-1))},
            "timeout",
        ),
        ({"command": "true", "environment": {"A=B": "1"}}, "environment"),
        ({"command": "true", "environment": {"": "1"}}, "environment"),
        ({"command": "true", "environment": {"A": "x\0y"}}, "environment"),
        ({"command": "true", "arguments": ["a\0b"]}, "arguments"),
        ({"command": "true", "name": "n" * 10_000}, "name"),
        ({"command": "true", "requirements": hodei.ResourceRequirements(cpu_cores=-1)}, "cpu"),
        ({"command": "true", "requirements": hodei.ResourceRequirements(memory_bytes=-1)}, "memory"),
        ({"command": "true", "retry": hodei.RetryPolicy(max_attempts=-3)}, "retry"),
    ],
)
def test_a_bad_submission_names_its_field(platform: Any, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(CallFailed) as refused:
        queue(platform, **fields)

    assert refused.value.status is INVALID
    assert named in f"{refused.value.field} {refused.value.message}"
    assert "Traceback" not in refused.value.message


@pytest.mark.e2e
def test_the_same_id_with_other_content_is_refused_and_overwrites_nothing(platform: Any) -> None:
    job = str(uuid.uuid4())
    queue(platform, job_id=hodei.JobId(value=job), command="echo first")
    assert queue(platform, job_id=hodei.JobId(value=job), command="echo first").duplicate

    with pytest.raises(CallFailed) as refused:
        queue(platform, job_id=hodei.JobId(value=job), command="echo second")

    assert refused.value.status is grpc.StatusCode.ALREADY_EXISTS
    assert platform.wait(job).state == "SUCCEEDED"
    assert platform.output(job) == b"first\n"


@pytest.mark.e2e
def test_an_idempotency_key_makes_one_job_of_two_submissions(platform: Any) -> None:
    first = queue(platform, command="true", idempotency_key="nightly-7")
    second = queue(platform, command="true", idempotency_key="nightly-7")

    assert first.job_id == second.job_id
    assert (first.duplicate, second.duplicate) == (False, True)


@pytest.mark.e2e
@pytest.mark.parametrize("job", ["", "not-an-id", "00000000"])
def test_ids_that_are_no_uuid_are_invalid(platform: Any, job: str) -> None:
    with platform.client() as client, pytest.raises(CallFailed) as refused:
        client.call(JobExecutionService.get_job, hodei.GetJobRequest(job_id=hodei.JobId(value=job)))
    assert refused.value.status is INVALID

    with platform.client() as client, pytest.raises(CallFailed) as refused:
        client.call(LogStreamService.get_logs, hodei.GetLogsRequest(job_id=job))
    assert refused.value.status is INVALID


@pytest.mark.e2e
def test_an_unknown_job_is_not_found(platform: Any) -> None:
    request = hodei.CancelJobRequest(job_id=hodei.JobId(value=str(uuid.uuid4())))
    with platform.client() as client, pytest.raises(CallFailed) as refused:
        client.call(JobExecutionService.cancel_job, request)
    assert refused.value.status is grpc.StatusCode.NOT_FOUND


@pytest.mark.e2e
def test_a_finished_job_cannot_be_cancelled_and_keeps_its_end(platform: Any) -> None:
    job = platform.run("true").job.job_id.value
    request = hodei.CancelJobRequest(job_id=hodei.JobId(value=job))
    with platform.client() as client, pytest.raises(CallFailed) as refused:
        client.call(JobExecutionService.cancel_job, request)
    assert refused.value.status is grpc.StatusCode.FAILED_PRECONDITION
    assert platform.wait(job).state == "SUCCEEDED"


@pytest.mark.e2e
def test_unknown_and_unusable_commands_end_as_in_a_shell(platform: Any) -> None:
    unknown = platform.run("no-such-command-anywhere", "x")
    assert (unknown.state, unknown.exit_code, unknown.reason) == ("FAILED", 127, "command-not-found")
    unusable = platform.run("/etc/passwd", "x")
    assert (unusable.state, unusable.exit_code, unusable.reason) == ("FAILED", 126, "not-executable")
    nowhere = platform.run("true", working_dir="/no/such/directory")
    assert (nowhere.state, nowhere.reason) == ("FAILED", "working-dir")
    assert "/no/such/directory" in nowhere.message


@pytest.mark.e2e
def test_output_is_kept_byte_by_byte(platform: Any) -> None:
    odd = rb"\377\000\303(\r\n\033[31mred"
    job = platform.queue("printf", odd.decode("ascii"))
    assert platform.wait(job).state == "SUCCEEDED"
    assert platform.output(job) == b"\xff\x00\xc3(\r\n\x1b[31mred"

    with platform.client() as client:
        answer = client.call(LogStreamService.get_logs, hodei.GetLogsRequest(job_id=job, limit=10))
    assert [each.line for each in answer.entries] == ["\ufffd\x00\ufffd(", "\x1b[31mred"]


@pytest.mark.e2e
def test_a_line_of_ten_megabytes_comes_whole(platform: Any) -> None:
    size = 10 * 1024 * 1024
    job = platform.queue(f"head -c {size} /dev/zero | tr '\\0' x; echo; echo end")
    assert platform.wait(job).state == "SUCCEEDED"
    assert platform.output(job) == b"x" * size + b"\nend\n"


@pytest.mark.e2e
def test_a_script_of_ten_megabytes_runs(platform: Any) -> None:
    script = "# " + "x" * (10 * 1024 * 1024) + "\necho ran\n"
    job = platform.queue("", script=hodei.ScriptCommand(interpreter="sh", content=script))
    assert platform.wait(job).state == "SUCCEEDED"
    assert platform.output(job) == b"ran\n"


@pytest.mark.e2e
def test_a_wrong_token_is_refused_and_a_missing_one_too(platform: Any) -> None:
    for token in (None, "wrong"):
        with SyncClient(platform.address, token=token) as client, pytest.raises(CallFailed) as refused:
            client.call(JobExecutionService.list_jobs, hodei.ListJobsRequest())
        assert refused.value.status is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.e2e
def test_a_subscriber_that_vanishes_or_reads_slowly_harms_nobody(platform: Any) -> None:
    lines = 200_000
    job = platform.queue(f"seq {lines}")
    with platform.client() as slow, platform.client() as vanishing:
        request = hodei.SubscribeLogsRequest(job_id=job, include_history=True)
        held = slow.stream(LogStreamService.subscribe_logs, request, timeout=120)
        first = [next(held).line for _ in range(10)]  # and then does not read until the job has ended
        gone = vanishing.stream(LogStreamService.subscribe_logs, request, timeout=120)
        next(gone)
        gone.close()

        assert platform.wait(job, 120).state == "SUCCEEDED"
        assert first + [each.line for each in held] == [str(n + 1) for n in range(lines)]
    assert platform.output(job) == b"".join(b"%d\n" % (n + 1) for n in range(lines))
