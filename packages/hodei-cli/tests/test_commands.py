"""What commands ask of a server and how they show its answers."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from grpc import StatusCode
from hodei_cli.exits import BY_STATUS, Exit
from hodei_cli.main import run
from hodei_cli.tables import text_of
from hodei_domain.kernel.errors import Kind
from hodei_domain.logs.chunk import Run, pack_runs
from hodei_grpc.methods import (
    AuditService,
    JobExecutionService,
    LogStreamService,
    SchedulerService,
)
from hodei_grpc.status import STATUS
from hodei_proto.wire import hodei as wire

AT = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
JOB = "0192f3c4-1a5b-7c3d-8e9f-0a1b2c3d4e5f"
GAP = "[hodei: 9 bytes of output lost]"
Output = pytest.CaptureFixture[str]


def job(id: str, state: str = "SUCCEEDED", **fields: Any) -> wire.JobSummary:
    return wire.JobSummary(
        job_id=wire.JobId(value=id), name=f"job {id}", state=state, created_at=AT, **fields
    )


def details(id: str, state: str = "SUCCEEDED", **fields: Any) -> wire.GetJobResponse:
    definition = wire.JobDefinition(job_id=wire.JobId(value=id), name="n", command="echo", arguments=["a b"])
    return wire.GetJobResponse(job=definition, state=state, created_at=AT, **fields)


def chunk(*runs: tuple[int, bytes], first: int = 0, gap: int = 0) -> wire.LogChunk:
    """Runs are flags and bytes."""
    parts = [Run(flags, max(len(data.splitlines()), 1), 0, len(data)) for flags, data in runs]
    return wire.LogChunk(
        job_id=JOB,
        attempt=1,
        first_sequence=first,
        lines=sum(part.entries for part in parts) + bool(gap),
        runs=pack_runs(parts),
        data=b"".join(data for _, data in runs),
        gap_bytes=gap,
    )


# --- what goes wrong ---


def test_every_kind_of_refusal_has_the_exit_status_of_the_table() -> None:
    asked = {
        Kind.INVALID: 64,
        Kind.UNAUTHENTICATED: 77,
        Kind.DENIED: 77,
        Kind.NOT_FOUND: 66,
        Kind.CONFLICT: 65,
        Kind.EXHAUSTED: 75,
        Kind.UNAVAILABLE: 69,
    }
    assert set(asked) == set(Kind)
    assert {kind: BY_STATUS[STATUS[kind].name] for kind in Kind} == asked
    assert BY_STATUS["ALREADY_EXISTS"] == 65


@pytest.mark.parametrize(
    ("status", "exit"), [*((StatusCode[n], e) for n, e in BY_STATUS.items()), (StatusCode.INTERNAL, 70)]
)
def test_a_refusal_is_one_line_and_its_exit_status(
    status: StatusCode, exit: int, server: Any, capsys: Output
) -> None:
    server.answers[JobExecutionService.get_job] = lambda _: server.refuse(
        status, "job_id: what it is\nand why"
    )
    assert run(["job", "get", "x"]) == exit
    err = capsys.readouterr().err
    assert "job_id: what it is and why" in err.splitlines()[0]
    assert "Traceback" not in err


def test_without_a_server_it_says_how_to_start_one(
    capsys: Output, place: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_cli.server.DEFAULT_PORT", 1)
    assert run(["job", "list"]) == Exit.UNAVAILABLE
    assert capsys.readouterr().err.startswith("hodei: no Hodei server at localhost:")
    assert run(["job", "list", "--server", "127.0.0.1:1"]) == Exit.UNAVAILABLE
    assert capsys.readouterr().err == "hodei: no Hodei server at 127.0.0.1:1; start one with: hodei up\n"


def test_a_missing_token_says_where_tokens_are_named(server: Any, capsys: Output) -> None:
    server.answers[JobExecutionService.list_jobs] = lambda _: server.refuse(
        StatusCode.UNAUTHENTICATED, "no token"
    )
    assert run(["job", "list"]) == Exit.REFUSED
    assert "HODEI_TOKEN" in capsys.readouterr().err


def test_the_token_goes_along(server: Any) -> None:
    server.answers[JobExecutionService.list_jobs] = lambda _: wire.ListJobsResponse()
    assert run(["job", "list", "--token", "secret"]) == 0
    assert server.metadata["authorization"] == "Bearer secret"


# --- jobs ---


def test_jobs_are_listed(server: Any, capsys: Output) -> None:
    jobs = [
        job("1", "FAILED", exit_code=3, reason="exit", duration=timedelta(seconds=65)),
        job("2", "PENDING"),
    ]
    server.answers[JobExecutionService.list_jobs] = lambda _: wire.ListJobsResponse(jobs=jobs)
    assert run(["job", "list"]) == 0
    titles, first, second = capsys.readouterr().out.splitlines()
    assert titles.split() == ["ID", "NAME", "STATE", "EXIT", "REASON", "BY", "CREATED", "TOOK"]
    assert first.split()[:6] == ["1", "job", "1", "FAILED", "3", "exit"]
    assert first.endswith("1m05s")
    assert second.split()[3] == "PENDING"


def test_a_held_job_is_seen_in_a_list(server: Any, capsys: Output) -> None:
    held = job("2", "PENDING", held=True)
    server.answers[JobExecutionService.list_jobs] = lambda _: wire.ListJobsResponse(jobs=[held])
    assert run(["job", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[3:5] == ["PENDING", "held"]


def test_a_job_says_what_becomes_of_it_when_an_attempt_fails(server: Any, capsys: Output) -> None:
    told = details("7")
    assert told.job is not None
    told.job.on_worker_lost = wire.WorkerLostPolicy.HOLD
    told.job.retry = wire.RetryPolicy(max_attempts=3)
    server.answers[JobExecutionService.get_job] = lambda _: told
    assert run(["job", "get", "7", "-o", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["on_worker_lost"], record["retries"]) == ("hold", 2)


def test_no_jobs_teach_the_first_command(server: Any, capsys: Output) -> None:
    server.answers[JobExecutionService.list_jobs] = lambda _: wire.ListJobsResponse()
    assert run(["job", "list"]) == 0
    assert capsys.readouterr().out == "No jobs yet. Try: hodei run -- echo hi\n"


def test_a_long_list_is_fetched_page_by_page(server: Any, capsys: Output) -> None:
    def page(request: wire.ListJobsRequest) -> wire.ListJobsResponse:
        begin = int(request.cursor or 0)
        jobs = [job(str(n)) for n in range(begin, min(begin + request.limit, 2500))]
        return wire.ListJobsResponse(jobs=jobs, next_cursor=str(begin + len(jobs)))

    server.answers[JobExecutionService.list_jobs] = page
    assert run(["job", "list", "--limit", "2200", "-o", "json"]) == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)] == [str(n) for n in range(2200)]
    assert [each.limit for each in server.asked("ListJobs")] == [1000, 1000, 200]


@pytest.mark.parametrize(
    ("word", "status"), [("succeeded", 4), ("SCHEDULED", 2), ("pending", 0), ("timeout", 7)]
)
def test_states_are_named_as_everywhere(word: str, status: int, server: Any) -> None:
    server.answers[JobExecutionService.list_jobs] = lambda _: wire.ListJobsResponse()
    assert run(["job", "list", "--state", word, "--search", "x", "--by", "ana"]) == 0
    (request,) = server.asked("ListJobs")
    assert (request.status, request.search_term, request.queued_by) == (status, "x", "ana")


def test_a_waiting_job_says_why(server: Any, capsys: Output) -> None:
    reasons = [wire.PendingReason(provider="local", reason="at its limit of 2 workers")]
    server.answers[JobExecutionService.get_job] = lambda _: details("1", "PENDING", pending_reasons=reasons)
    assert run(["job", "get", "1"]) == 0
    assert "local=at its limit of 2 workers" in capsys.readouterr().out


def test_a_job_is_one_json_object(server: Any, capsys: Output) -> None:
    answer = details("1", "FAILED", exit_code=3, reason="exit", attempt=2, worker_id="w", completed_at=AT)
    answer.executions = [
        wire.JobExecution(attempt=1, reason="worker-lost"),
        wire.JobExecution(attempt=2, exit_status=3),
    ]
    server.answers[JobExecutionService.get_job] = lambda _: answer
    assert run(["job", "get", "1", "--output", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["id"], record["state"], record["exit_code"], record["command"]) == (
        "1",
        "FAILED",
        3,
        "echo 'a b'",
    )
    assert record["completed_at"] == "2026-05-01T12:00:00+00:00"
    assert [each["attempt"] for each in record["attempts"]] == [1, 2]


def test_progress_has_one_unit_in_every_command(server: Any, capsys: Output) -> None:
    server.answers[JobExecutionService.list_jobs] = lambda _: wire.ListJobsResponse(
        jobs=[job("1", "RUNNING", progress_percentage=40), job("2", "RUNNING")]
    )
    answer = details("1", "RUNNING", progress_percentage=40, progress_stage="build", progress_message="m")
    server.answers[JobExecutionService.get_job] = lambda _: answer
    assert run(["job", "list", "-o", "json"]) == 0
    assert [each["progress"] for each in json.loads(capsys.readouterr().out)] == [40, None]
    assert run(["job", "get", "1", "-o", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [record[key] for key in ("progress", "progress_stage", "progress_message")] == [40, "build", "m"]
    assert run(["job", "get", "1", "-o", "yaml"]) == 0
    assert "progress: 40\n" in capsys.readouterr().out
    assert run(["job", "get", "1"]) == 0
    assert "40 %" in capsys.readouterr().out


def test_queueing_prints_the_id_alone(server: Any, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ana")
    server.answers[JobExecutionService.queue_job] = lambda _: wire.QueueJobResponse(
        job_id=wire.JobId(value="7")
    )
    assert run(["job", "queue", "--key", "k", "--", "make", "-j4"]) == 0
    assert capsys.readouterr().out == "7\n"
    (request,) = server.asked("QueueJob")
    assert request.queued_by == "ana"
    assert (request.job_definition.command, request.job_definition.arguments) == ("make", ["-j4"])
    assert request.job_definition.idempotency_key == "k"
    assert request.job_definition.working_dir == ""


def test_detached_runs_are_queued_only(server: Any, capsys: Output) -> None:
    server.answers[JobExecutionService.queue_job] = lambda _: wire.QueueJobResponse(
        job_id=wire.JobId(value="7")
    )
    assert run(["run", "--detach", "-o", "json", "--", "make"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "7"


def test_several_jobs_are_cancelled_with_one_reason(server: Any, capsys: Output) -> None:
    server.answers[JobExecutionService.cancel_job] = lambda _: wire.CancelJobResponse(
        success=True, message="done"
    )
    assert run(["job", "cancel", "--reason", "wrong branch", "1", "2"]) == 0
    assert [(each.job_id.value, each.reason) for each in server.asked("CancelJob")] == [
        ("1", "wrong branch"),
        ("2", "wrong branch"),
    ]
    assert capsys.readouterr().out == "1  done\n2  done\n"


def test_a_retry_prints_the_new_id(server: Any, capsys: Output) -> None:
    server.answers[JobExecutionService.retry_job] = lambda _: wire.QueueJobResponse(
        job_id=wire.JobId(value="8")
    )
    assert run(["job", "retry", "7", "-e", "DEBUG=1"]) == 0
    assert capsys.readouterr().out == "8\n"
    assert server.asked("RetryJob")[0].environment == {"DEBUG": "1"}


@pytest.mark.parametrize(("end", "status"), [("SUCCEEDED", 0), ("FAILED", 1), ("TIMEOUT", 1)])
def test_watching_prints_each_move_and_ends_as_the_job_did(
    end: str, status: int, server: Any, capsys: Output
) -> None:
    moves = [
        details("1", "PENDING"),
        details("1", "RUNNING", worker_id="w"),
        details("1", end, completed_at=AT),
    ]
    server.answers[JobExecutionService.watch_job] = lambda _: iter(moves)
    assert run(["job", "watch", "1"]) == status
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[2] for line in words] == ["PENDING", "RUNNING", end]


def test_watching_gives_programs_a_line_for_each_move(server: Any, capsys: Output) -> None:
    server.answers[JobExecutionService.watch_job] = lambda _: iter([details("1", "PENDING"), details("1")])
    assert run(["job", "watch", "1", "-o", "json"]) == 0
    assert [json.loads(each)["state"] for each in capsys.readouterr().out.splitlines()] == [
        "PENDING",
        "SUCCEEDED",
    ]


def test_watching_survives_a_server_that_goes_away(server: Any, capsys: Output) -> None:
    running, over = details("1", "RUNNING", worker_id="w"), details("1", completed_at=AT)

    def moves(_: object) -> Iterator[wire.GetJobResponse]:
        yield running
        if len(server.asked("WatchJob")) == 1:
            server.refuse(StatusCode.UNAVAILABLE, "going away", code="")
        yield over

    server.answers[JobExecutionService.watch_job] = moves
    assert run(["job", "watch", "1"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[2] for line in out.splitlines()] == ["RUNNING", "SUCCEEDED"]
    assert "lost the server" in err


def test_watching_survives_a_stream_that_ends_before_the_job(server: Any, capsys: Output) -> None:
    def moves(_: object) -> Iterator[wire.GetJobResponse]:
        yield details("1", "RUNNING") if len(server.asked("WatchJob")) == 1 else details("1", "FAILED")

    server.answers[JobExecutionService.watch_job] = moves
    assert run(["job", "watch", "1"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_watching_survives_a_database_that_goes_away(server: Any, capsys: Output) -> None:
    def moves(_: object) -> Iterator[wire.GetJobResponse]:
        if len(server.asked("WatchJob")) == 1:
            server.refuse(StatusCode.UNAVAILABLE, "the database cannot be reached", code="store.unavailable")
        yield details("1")

    server.answers[JobExecutionService.watch_job] = moves
    assert run(["job", "watch", "1"]) == 0
    assert "hodei: the database cannot be reached; the job goes on" in capsys.readouterr().err


def test_watching_says_what_became_of_the_attempt_before(server: Any, capsys: Output) -> None:
    lost = wire.JobExecution(
        attempt=1, reason="worker-lost", error_message="its lease ran out", end_time=LATER
    )
    moves = [details("1", "PENDING", worker_id="w", executions=[lost]), details("1")]
    server.answers[JobExecutionService.watch_job] = lambda _: iter(moves)
    run(["job", "watch", "1"])
    assert capsys.readouterr().out.splitlines()[0] == (
        f"{text_of(LATER)}  PENDING  attempt 1: its lease ran out"
    )


def test_a_server_that_does_not_answer_in_time_is_not_said_to_be_missing(server: Any, capsys: Output) -> None:
    def silent(_: object) -> None:
        server.refuse(StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", code="")

    server.answers[JobExecutionService.list_jobs] = silent
    assert run(["job", "list"]) == 69
    err = capsys.readouterr().err
    assert "does not answer" in err
    assert "hodei up" not in err


# --- logs ---


def test_following_lines_as_json_survives_a_server_that_goes_away(server: Any, capsys: Output) -> None:
    def lines(request: wire.SubscribeLogsRequest) -> Iterator[wire.JobLogEntry]:
        if not request.since_sequence:
            yield line(1, "one")
            server.refuse(StatusCode.UNAVAILABLE, "going away", code="")
        yield line(2, "two")

    server.answers[LogStreamService.subscribe_logs] = lines
    assert run(["logs", "follow", "1", "-o", "json"]) == 0
    assert [json.loads(each)["line"] for each in capsys.readouterr().out.splitlines()] == ["one", "two"]


def line(sequence: int, text: str, **fields: Any) -> wire.JobLogEntry:
    return wire.JobLogEntry(job_id="1", line=text, sequence=sequence, timestamp=AT, attempt=1, **fields)


def test_logs_are_fetched_to_their_end(server: Any, capsys: Output) -> None:
    def page(request: wire.GetLogsRequest) -> wire.GetLogsResponse:
        begin = request.since_sequence
        entries = [line(n + 1, f"line {n}") for n in range(begin, min(begin + request.limit, 15_000))]
        return wire.GetLogsResponse(entries=entries, has_more=begin + len(entries) < 15_000)

    server.answers[LogStreamService.get_logs] = page
    assert run(["logs", "get", "1", "--search", "line"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"line {n}" for n in range(15_000)]
    assert [request.limit for request in server.asked("GetLogs")] == [10_000, 10_000]
    assert run(["logs", "get", "1", "--search", "line", "--limit", "3"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_without_a_look_at_lines_output_is_fetched_in_chunks_byte_for_byte(
    server: Any, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    server.answers[LogStreamService.subscribe_log_chunks] = lambda _: [
        chunk((0, b"one \xff\r\n"), (1, b"error\n")),
        chunk((0, b"end"), first=2, gap=9),
    ]
    assert run(["logs", "get", JOB, "--since", "4"]) == 0
    out, err = capfdbinary.readouterr()
    assert out == b"one \xff\r\nerror\nend"
    assert b"9 bytes of output were lost here" in err
    (request,) = server.asked("SubscribeLogChunks")
    assert (request.include_history, request.stored_only, request.since_sequence) == (True, True, 4)


def test_a_line_in_pieces_is_one_line_and_a_gap_is_told(server: Any, capsys: Output) -> None:
    server.answers[LogStreamService.subscribe_log_chunks] = lambda _: [
        chunk((2, b"one "), (0, b"line\n")),
        chunk((0, b"end\nbehind\n"), first=2, gap=9),
    ]
    assert run(["logs", "get", JOB, "--limit", "4"]) == 0
    out, err = capsys.readouterr()
    assert out == "one line\nend\n"
    assert "9 bytes of output were lost" in err
    assert run(["logs", "get", JOB, "-o", "json"]) == 0
    lines = json.loads(capsys.readouterr().out)
    assert [each["line"] for each in lines] == ["one ", "line", GAP, "end", "behind"]
    assert (lines[3]["sequence"], lines[2]["lost_bytes"]) == (4, 9)


def test_logs_can_be_filtered_and_read_by_programs(server: Any, capsys: Output) -> None:
    entries = [line(5, "oops", is_stderr=True, level="ERROR")]
    server.answers[LogStreamService.get_logs] = lambda _: wire.GetLogsResponse(entries=entries)
    assert run(["logs", "get", "1", "--level", "error", "--search", "oo", "--since", "4", "-o", "json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["line"], record["stream"], record["level"], record["sequence"]) == (
        "oops",
        "stderr",
        "ERROR",
        5,
    )
    (request,) = server.asked("GetLogs")
    assert (request.level, request.search, request.since_sequence) == ("ERROR", "oo", 4)


# --- the rest of the platform ---


def test_what_happened_to_a_job_is_told_in_words(server: Any, capsys: Output) -> None:
    told = [
        ("JobCreated", {"command": "echo a", "queued_by": "me"}, "echo a (by me)"),
        ("JobProvisioning", {"provider": "docker", "stage": "pulling alpine"}, "docker: pulling alpine"),
        ("JobAssigned", {"attempt": 1, "worker_id": "w"}, "attempt 1, worker w"),
        (
            "JobStatusChanged",
            {"old_state": "SCHEDULED", "new_state": "RUNNING", "exit_code": None, "reason": None},
            "SCHEDULED → RUNNING",
        ),
        (
            "JobStatusChanged",
            {"old_state": "RUNNING", "new_state": "FAILED", "exit_code": 3, "reason": "exit"},
            "RUNNING → FAILED (exit code 3)",
        ),
        ("JobHeld", {"job_id": "1", "why": "lost"}, "why=lost"),
    ]
    logs = [
        wire.AuditLogEntry(event_type=event, payload_json=json.dumps(payload), occurred_at=AT)
        for event, payload, _ in told
    ]
    server.answers[JobExecutionService.get_job] = lambda _: details("1")
    server.answers[AuditService.get_audit_logs_by_correlation] = lambda _: wire.GetAuditLogsResponse(
        logs=logs
    )
    assert run(["job", "timeline", "1", "-o", "json"]) == 0
    assert [row["what"] for row in json.loads(capsys.readouterr().out)] == [words for _, _, words in told]
    assert run(["job", "timeline", "1"]) == 0
    assert "docker: pulling alpine" in capsys.readouterr().out
    server.answers[JobExecutionService.get_job] = lambda _: server.refuse(StatusCode.NOT_FOUND, "no job")
    assert run(["job", "timeline", "1"]) == Exit.NOT_FOUND


def test_the_queue_is_counted(server: Any, capsys: Output) -> None:
    status = wire.QueueStatus(pending_jobs=2, running_jobs=1, completed_jobs=5, last_updated=AT)
    server.answers[SchedulerService.get_queue_status] = lambda _: wire.GetQueueStatusResponse(status=status)
    assert run(["scheduler", "queue-status", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "pending": 2,
        "running": 1,
        "succeeded": 5,
        "failed": 0,
        "cancelled": 0,
        "as_of": "2026-05-01T12:00:00+00:00",
    }


def test_free_workers_are_listed(server: Any, capsys: Output) -> None:
    info = wire.WorkerSchedulingInfo(score=0.5, reason=["idle for 3 s"])
    free = wire.AvailableWorker(
        worker_id=wire.WorkerId(value="w"),
        status=wire.WorkerStatus.WORKER_STATUS_AVAILABLE,
        scheduling_info=info,
    )
    server.answers[SchedulerService.get_available_workers] = lambda _: wire.GetAvailableWorkersResponse(
        workers=[free]
    )
    assert run(["scheduler", "workers", "-o", "json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["id"], record["status"], record["why"]) == ("w", "AVAILABLE", ["idle for 3 s"])


def test_only_what_was_named_of_the_scheduler_is_changed(server: Any) -> None:
    server.answers[SchedulerService.configure_scheduler] = lambda _: wire.ConfigureSchedulerResponse(
        success=True
    )
    assert run(["scheduler", "config", "--worker-strategy", "LeastLoaded"]) == 0
    (request,) = server.asked("ConfigureScheduler")
    assert request.config.plugin_config == {"worker_strategy": "LeastLoaded"}
    assert request.config.requeue_delay is None
    assert run(["scheduler", "config"]) == Exit.USAGE


def test_what_happened_is_listed(server: Any, capsys: Output) -> None:
    entry = wire.AuditLogEntry(id="1", event_type="JobCreated", payload_json='{"name": "n"}', occurred_at=AT)
    answer = wire.GetAuditLogsResponse(logs=[entry])
    server.answers[AuditService.get_audit_logs] = lambda _: answer
    server.answers[AuditService.get_audit_logs_by_correlation] = lambda _: answer
    assert (
        run(["audit", "list", "--type", "JobCreated", "--since", "2026-05-01T10:00:00+00:00", "-o", "json"])
        == 0
    )
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["event"], record["payload"]) == ("JobCreated", {"name": "n"})
    (request,) = server.asked("GetAuditLogs")
    assert request.start_time == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert run(["audit", "list", "job-1"]) == 0
    assert server.asked("GetAuditLogsByCorrelation")[0].correlation_id == "job-1"


def test_a_wrong_moment_names_its_option(server: Any, capsys: Output) -> None:
    assert run(["audit", "list", "--since", "yesterday"]) == Exit.USAGE
    assert "--since" in capsys.readouterr().err
