"""Whatever people type for a job, a worker or a provider is found, or its candidates are listed."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from grpc import StatusCode
from hodei_cli.main import run
from hodei_grpc.methods import (
    AuditService,
    JobExecutionService,
    LogStreamService,
    ProviderManagementService,
    WorkerService,
)
from hodei_proto.wire import hodei as wire

ONE, TWO = "01a231f6-c9d0-7933-9258-e18e9b6424c6", "01a231f6-c9d0-7933-9258-e18e9b64ffff"
OTHER = "01a231f7-0000-7000-8000-00000000beef"
Output = pytest.CaptureFixture[str]


def job(id: str, name: str = "n", state: str = "SUCCEEDED") -> wire.JobSummary:
    at = datetime.now(UTC) - timedelta(hours=3)
    return wire.JobSummary(job_id=wire.JobId(value=id), name=name, state=state, created_at=at)


def finding(server: Any, *jobs: wire.JobSummary) -> None:
    server.answers[JobExecutionService.resolve_job] = lambda _: wire.ResolveJobResponse(candidates=list(jobs))


def refusing(server: Any, status: StatusCode) -> Any:
    return lambda _: server.refuse(status, "reference: nothing", code="job.not-found")


ASKS = {
    "job get": (JobExecutionService.get_job, "GetJob"),
    "job timeline": (JobExecutionService.get_job, "GetJob"),
    "job cancel": (JobExecutionService.cancel_job, "CancelJob"),
    "job retry": (JobExecutionService.retry_job, "RetryJob"),
    "job watch": (JobExecutionService.watch_job, "WatchJob"),
    "logs get": (LogStreamService.subscribe_log_chunks, "SubscribeLogChunks"),
    "logs follow": (LogStreamService.subscribe_log_chunks, "SubscribeLogChunks"),
}


@pytest.mark.parametrize("line", ASKS)
def test_every_command_that_takes_a_job_asks_which_is_meant(line: str, server: Any, capsys: Output) -> None:
    method, name = ASKS[line]
    finding(server, job(ONE))
    server.answers[method] = refusing(server, StatusCode.NOT_FOUND)
    assert run([*line.split(), "@last"]) == 66
    (asked,) = server.asked("ResolveJob")
    assert (asked.reference, bool(asked.queued_by)) == ("@last", True)
    (request,) = server.asked(name)
    assert ONE in str(request)


@pytest.mark.parametrize("line", ASKS)
def test_of_several_jobs_nothing_is_done_and_all_are_listed(line: str, server: Any, capsys: Output) -> None:
    method, name = ASKS[line]
    finding(server, job(TWO, "nightly", "RUNNING"), job(ONE, "nightly"))
    server.answers[method] = refusing(server, StatusCode.NOT_FOUND)
    assert run([*line.split(), "nightly"]) == 65
    assert server.asked(name) == []
    said, titles, first, second = capsys.readouterr().err.splitlines()
    assert said == "hodei: 'nightly' may be any of several jobs; say which by more of the id"
    assert titles.split() == ["ID", "NAME", "STATE", "AGE"]
    assert first.split() == [TWO, "nightly", "RUNNING", "3h00m"]
    assert second.split()[0] == ONE


def test_of_many_to_cancel_none_is_cancelled_if_one_is_not_known(server: Any) -> None:
    answers = iter([wire.ResolveJobResponse(candidates=[job(ONE)])])
    server.answers[JobExecutionService.resolve_job] = lambda _: (
        next(answers, None) or server.refuse(StatusCode.NOT_FOUND, "no job", code="job.not-found")
    )
    assert run(["job", "cancel", "24c6", "nothing"]) == 66
    assert server.asked("CancelJob") == []


def test_a_whole_id_is_taken_at_its_word(server: Any) -> None:
    server.answers[JobExecutionService.get_job] = refusing(server, StatusCode.NOT_FOUND)
    assert run(["job", "get", ONE]) == 66
    assert server.asked("ResolveJob") == []


def workers(server: Any, *live: str, gone: tuple[str, ...] = ()) -> None:
    def answer(request: wire.ListWorkersRequest) -> wire.ListWorkersResponse:
        ids = (*live, *gone) if request.include_ended else live
        return wire.ListWorkersResponse(workers=[wire.WorkerView(id=id, state="READY") for id in ids])

    server.answers[WorkerService.list_workers] = answer
    server.answers[WorkerService.get_worker] = lambda asked: wire.GetWorkerResponse(
        worker=wire.WorkerView(id=asked.worker_id)
    )


@pytest.mark.parametrize(
    ("text", "found"), [("9b6424c6", ONE), ("9B64-24C6", ONE), ("01a231f6", ONE), ("beef", OTHER)]
)
def test_a_worker_is_found_by_a_part_of_its_id_the_living_first(text: str, found: str, server: Any) -> None:
    workers(server, ONE, gone=(TWO, OTHER))
    assert run(["worker", "get", text]) == 0
    assert server.asked("GetWorker") == [wire.GetWorkerRequest(worker_id=found)]


def test_a_worker_of_several_and_of_none(server: Any, capsys: Output) -> None:
    workers(server, ONE, TWO)
    assert run(["worker", "terminate", "01a231f6"]) == 65
    assert TWO in capsys.readouterr().err
    assert run(["worker", "drain", "abc"]) == 66


def test_a_provider_is_found_by_name_or_a_part_of_its_id(server: Any, capsys: Output) -> None:
    service = ProviderManagementService
    listed = [wire.ProviderListing(id=ONE, name="docker"), wire.ProviderListing(id=OTHER, name="beef")]
    server.answers[service.list_providers] = lambda _: wire.ListProvidersResponse(providers=listed)
    server.answers[service.enable_provider] = refusing(server, StatusCode.NOT_FOUND)
    for text in ("docker", "9b6424c6", "beef"):
        assert run(["provider", "enable", text]) == 66
    assert [each.provider_id for each in server.asked("EnableProvider")] == [ONE, ONE, OTHER]
    assert run(["provider", "enable", "nosuch"]) == 66
    assert "There are: docker, beef" in capsys.readouterr().err


def test_what_happened_is_found_by_any_of_them_or_by_a_correlation_id(server: Any) -> None:
    story = wire.GetAuditLogsResponse(logs=[wire.AuditLogEntry(id="1", event_type="A")])
    empty = wire.GetAuditLogsResponse()
    known = {ONE: story, "mine": story}
    server.answers[AuditService.get_audit_logs_by_correlation] = lambda r: known.get(r.correlation_id, empty)
    finding(server, job(ONE))
    assert run(["audit", "list", "mine"]) == 0
    assert server.asked("ResolveJob") == []
    assert run(["audit", "list", "@last"]) == 0
    assert [r.correlation_id for r in server.asked("GetAuditLogsByCorrelation")] == ["mine", "@last", ONE]


def completed(line: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), "_HODEI_COMPLETE": "bash_complete"}
    command = [sys.executable, "-m", "hodei_cli"]
    return subprocess.run(
        command, env=os.environ | words | variables, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_shell_offers_jobs_by_the_end_of_the_id_and_by_name(server: Any) -> None:
    jobs = [job(ONE, "nightly"), job(TWO, "two words"), job(OTHER, "twice", "RUNNING")]
    server.answers[JobExecutionService.list_jobs] = lambda _: wire.ListJobsResponse(jobs=jobs)
    assert completed("hodei job get ").stdout.split() == [
        f"plain,{text}" for text in ("@last", "9b6424c6", "9b64ffff", "0000beef", "nightly", "twice")
    ]
    assert completed("hodei logs get 01a231f7").stdout.split() == [f"plain,{OTHER}"]
    assert completed("hodei job cancel 0").stdout.split() == ["plain,0000beef", f"plain,{OTHER}"]
    assert completed("hodei job retry n").stdout.split() == ["plain,nightly"]


def test_a_shell_is_told_nothing_where_there_is_no_server(place: object) -> None:
    for line in ("hodei job get ", "hodei worker get ", "hodei provider set "):
        done = completed(line, HODEI_SERVER="127.0.0.1:1")
        assert (done.stdout.strip(), done.stderr) == ("", "")
