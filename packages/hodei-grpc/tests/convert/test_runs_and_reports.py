"""Commands to agents and what agents say, ours and existing ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hodei_application.workers import commands as c
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.spec import Clocks, Command, JobSpec, Resources, Script, Shell
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_grpc.convert import reports, runs
from hodei_proto.wire import hodei as wire

T0 = datetime(2026, 1, 1, tzinfo=UTC)
J1 = JobId(UUID(int=1))
W1 = WorkerId(UUID(int=2))


def assigned(command: Command, **fields: object) -> Job:
    spec = JobSpec(command=command, **fields)  # type: ignore[arg-type]  # fields of the test's own
    return Job.submit(J1, spec, at=T0).after.assign(W1, at=T0).after


def test_our_agents_get_the_command_as_it_is_with_all_limits() -> None:
    job = assigned(
        Shell("echo a && b"),
        name="n",
        environment={"A": "1"},
        clocks=Clocks(execution=timedelta(seconds=5), no_output=timedelta(seconds=2)),
        resources=Resources(memory_mib=3, cpu_cores=0.5, storage_mib=1),
        stdin="in",
    )
    run = runs.to_message(c.RunAttempt(job, "/here"), str(W1)).run_job
    assert run is not None
    assert run.command == wire.CommandSpec(shell=wire.ShellCommand(cmd="echo a && b"))
    assert (run.job_id, run.attempt, run.worker_id, run.job_name) == (str(J1), 1, str(W1), "n")
    assert (run.timeout_ms, run.no_output_timeout_ms, run.grace_ms) == (5000, 2000, 10_000)
    assert (run.memory_bytes, run.cpu_cores, run.storage_bytes) == (3 * 2**20, 0.5, 2**20)
    assert (run.env, run.stdin, run.working_dir) == ({"A": "1"}, "in", "/here")


def test_existing_workers_get_a_shell_a_directory_and_a_timeout() -> None:
    message = runs.to_legacy_message(c.RunAttempt(assigned(Shell("echo a && b"))))
    assert message is not None
    run = message.run_job
    assert run is not None
    assert run.command == wire.CommandSpec(shell=wire.ShellCommand(cmd="/bin/sh", args=["-c", "echo a && b"]))
    assert run.working_dir
    assert run.timeout_ms >= 366 * 86_400_000


def test_existing_workers_get_programs_and_scripts_as_they_are() -> None:
    short = Clocks(execution=timedelta(milliseconds=10))
    program = runs.to_legacy_run(assigned(Shell("echo", ("a",)), clocks=short))
    assert program.command == wire.CommandSpec(shell=wire.ShellCommand(cmd="echo", args=["a"]))
    assert program.timeout_ms == 1000
    script = runs.to_legacy_run(assigned(Script("sh", "true"))).command
    assert script is not None
    assert script.script is not None


def test_existing_workers_are_told_nothing_they_would_not_understand() -> None:
    assert runs.to_legacy_message(c.LogAck(J1, 1, 5)) is None
    assert runs.to_legacy_message(c.ResultAck(J1, 1, accepted=True)) is None
    stop = runs.to_legacy_message(c.StopAttempt(J1, 1, "superseded"))
    assert stop is not None
    assert stop.cancel == wire.CancelJobCommand(job_id=str(J1), force=True)


def test_a_cancel_without_grace_is_forced() -> None:
    gentle = runs.to_cancel(c.CancelAttempt(J1, 2, timedelta(seconds=3), "cancelled"))
    assert (gentle.force, gentle.grace_ms, gentle.attempt) == (False, 3000, 2)
    assert runs.to_cancel(c.CancelAttempt(J1, 2, timedelta(0), "cancelled")).force


def test_a_welcome_answers_each_attempt() -> None:
    answers = (c.Answer(J1, 1, c.Action.CONTINUE, 7), c.Answer(J1, 2, c.Action.STOP))
    told = runs.to_message(c.Welcome(answers, timedelta(seconds=5), timedelta(seconds=45)), str(W1)).welcome
    assert told is not None
    assert [(a.attempt, a.action, a.next_sequence) for a in told.answers] == [
        (1, wire.AttemptAction.CONTINUE, 7),
        (2, wire.AttemptAction.STOP, 0),
    ]
    assert (told.heartbeat_interval_ms, told.lease_ms) == (5000, 45_000)


def test_every_command_can_be_sent() -> None:
    span = timedelta(seconds=1)
    every: list[c.Command] = [
        c.RunAttempt(assigned(Shell("true"))),
        c.CancelAttempt(J1, 1, span, ""),
        c.StopAttempt(J1, 1, ""),
        c.LogAck(J1, 1, 1),
        c.ResultAck(J1, 1, accepted=True),
        c.DrainWorker(span, ""),
        c.Welcome((), span, span),
    ]
    for command in every:
        assert isinstance(runs.to_message(command, str(W1)), wire.ServerMessage)
        runs.to_legacy_message(command)


def result(**fields: object) -> wire.JobResultMessage:
    return wire.JobResultMessage(job_id=str(J1), **fields)  # type: ignore[arg-type]  # fields of the test's own


def test_an_exit_of_our_agents_keeps_code_usage_and_the_end_of_the_log() -> None:
    told = reports.to_ended(
        result(attempt=2, exit_code=3, reason="exit", started=True, next_sequence=9, peak_memory_bytes=1)
    )
    assert (told.attempt, told.next_sequence, told.started) == (2, 9, True)
    assert (told.result.exit_code, told.result.signal, told.result.peak_memory_mib) == (3, None, 1)


def test_an_end_by_signal_has_no_exit_code() -> None:
    told = reports.to_ended(result(attempt=1, exit_code=137, signal=9, started=True)).result
    assert (told.reason, told.exit_code, told.signal) == ("signal", None, 9)


def test_what_never_started_has_no_usage_and_a_code_only_where_a_shell_gives_one() -> None:
    told = reports.to_ended(result(attempt=1, exit_code=127, reason="command-not-found")).result
    assert (told.reason, told.exit_code, told.cpu_seconds) == ("command-not-found", 127, None)
    told = reports.to_ended(result(attempt=1, exit_code=-1, reason="cancelled")).result
    assert (told.reason, told.exit_code) == ("cancelled", None)


@pytest.mark.parametrize(
    ("fields", "reason", "code"),
    [
        ({"success": True, "exit_code": 0}, "exit", 0),
        ({"exit_code": 7}, "exit", 7),
        ({"exit_code": -1, "error_message": "Command timed out after 5s"}, "timeout:execution", None),
        ({"exit_code": -1, "error_message": "Timeout"}, "timeout:execution", None),
        (
            {"exit_code": -1, "error_message": "No such file or directory (os error 2)"},
            "command-not-found",
            None,
        ),
        ({"exit_code": -1, "error_message": "killed"}, "exit", -1),
    ],
)
def test_existing_workers_say_much_in_a_text(
    fields: dict[str, object], reason: str, code: int | None
) -> None:
    told = reports.to_legacy_result(result(**fields))
    assert (told.reason, told.exit_code) == (reason, code)


def test_existing_workers_that_cut_line_ends_off_get_them_back() -> None:
    text = reports.LegacyText()
    lines = [text.read(wire.LogEntry(line=line)) for line in ("one", "", "two")]
    assert b"".join(lines) == b"one\n\ntwo\n"


def test_existing_workers_that_send_what_they_read_are_taken_at_their_word() -> None:
    text = reports.LegacyText()
    pieces = [text.read(wire.LogEntry(line=line)) for line in ("one\ntw", "o\nthr", "ee")]
    assert b"".join(pieces) == b"one\ntwo\nthree"


def test_a_wrong_job_id_of_an_agent_is_refused() -> None:
    with pytest.raises(InvalidInput):
        reports.to_started(wire.JobStarted(job_id="x"))
