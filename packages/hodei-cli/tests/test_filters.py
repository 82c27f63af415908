"""Filters that are given twice: each counts, or the second is refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hodei_cli.main import run
from hodei_grpc.methods import AuditService, JobExecutionService, WorkerService
from hodei_proto.wire import hodei as wire

AT = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
Output = pytest.CaptureFixture[str]


def test_jobs_of_several_states_are_asked_for(server: Any) -> None:
    server.answers[JobExecutionService.list_jobs] = lambda _: wire.ListJobsResponse()
    assert run(["job", "list", "--state", "FAILED", "--state", "timeout"]) == 0
    (request,) = server.asked("ListJobs")
    assert (request.status, request.statuses) == (None, [wire.JobStatus.FAILED, wire.JobStatus.TIMEOUT])


def test_workers_of_several_states_are_asked_for(server: Any) -> None:
    server.answers[WorkerService.list_workers] = lambda _: wire.ListWorkersResponse()
    assert run(["worker", "list", "--state", "busy", "--state", "terminated"]) == 0
    assert run(["worker", "list", "--state", "terminated"]) == 0
    both, one = server.asked("ListWorkers")
    assert (both.state, both.states) == ("", ["BUSY", "TERMINATED"])
    assert (one.state, one.states) == ("TERMINATED", [])


def entry(event: str, at: datetime, actor: str = "ana") -> wire.AuditLogEntry:
    return wire.AuditLogEntry(id=f"{event} {at}", event_type=event, occurred_at=at, actor=actor)


def test_events_of_several_types_are_asked_for_page_by_page_from_one_moment(
    server: Any, capsys: Output
) -> None:
    def page(request: wire.GetAuditLogsRequest) -> wire.GetAuditLogsResponse:
        numbers = range(request.offset, min(request.offset + request.limit, 1500))
        logs = [entry("A", AT - timedelta(seconds=n)) for n in numbers]
        return wire.GetAuditLogsResponse(logs=logs, has_more=request.offset + len(logs) < 1500)

    server.answers[AuditService.get_audit_logs] = page
    assert run(["audit", "list", "--type", "A", "--type", "B", "--limit", "2000", "-o", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 1500
    first, second = server.asked("GetAuditLogs")
    assert (first.event_type, first.event_types, first.end_time) == (None, ["A", "B"], None)
    assert (second.offset, second.end_time) == (1000, AT + timedelta(microseconds=1))


def test_what_happened_to_one_is_filtered_like_the_rest(server: Any, capsys: Output) -> None:
    logs = [entry("A", AT), entry("B", AT), entry("C", AT), entry("A", AT, actor="bo")]
    logs += [entry("A", AT - timedelta(days=1)), entry("A", AT + timedelta(days=1))]
    server.answers[AuditService.get_audit_logs_by_correlation] = lambda _: wire.GetAuditLogsResponse(
        logs=logs
    )
    asked = ["--type", "A", "--type", "B", "--actor", "ana", "--since", "2026-05-01", "--until", "2026-05-02"]
    assert run(["audit", "list", "id", *asked, "-o", "json"]) == 0
    assert [each["event"] for each in json.loads(capsys.readouterr().out)] == ["A", "B"]


@pytest.mark.parametrize(
    "line",
    [
        ["job", "list", "--by", "a", "--by", "b"],
        ["job", "list", "--search", "a", "--search", "b"],
        ["worker", "list", "--provider", "a", "--provider", "b"],
        ["audit", "list", "--actor", "a", "--actor", "b"],
        ["logs", "get", "1", "--search", "a", "--search", "b"],
    ],
)
def test_a_second_value_where_one_counts_is_refused(line: list[str], server: Any, capsys: Output) -> None:
    assert run(line) == 64
    assert f"'{line[-2]}': can be given once only" in capsys.readouterr().err


def test_a_line_of_the_trail_says_nothing_twice(server: Any, capsys: Output) -> None:
    payload = json.dumps({"job_id": "j-1", "new_state": "RUNNING"})
    logs = [wire.AuditLogEntry(id="1", event_type="A", correlation_id="j-1", payload_json=payload)]
    server.answers[AuditService.get_audit_logs] = lambda _: wire.GetAuditLogsResponse(logs=logs)
    assert run(["audit", "list"]) == 0
    out = capsys.readouterr().out
    assert (out.count("j-1"), "new_state=RUNNING" in out) == (1, True)
    assert run(["audit", "list", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["payload"] == json.loads(payload)
