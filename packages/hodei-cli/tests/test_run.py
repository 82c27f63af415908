"""`hodei run` against a scripted server: bytes, statuses, interrupts, a server that goes away."""

import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hodei_cli.main import run
from hodei_grpc.methods import JobExecutionService, LogStreamService
from hodei_proto.wire import hodei as wire

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)

Start = Callable[..., "subprocess.Popen[bytes]"]


def chunk(data: bytes, first: int = 0, *, stderr: bool = False) -> wire.LogChunk:
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    runs = struct.pack("<4I", int(stderr), lines, 0, len(data))
    return wire.LogChunk(job_id="7", attempt=1, first_sequence=first, lines=lines, runs=runs, data=data)


@pytest.fixture
def job(server: Any) -> wire.GetJobResponse:
    """The job that the server tells of; a test changes it."""
    response = wire.GetJobResponse(
        job=wire.JobDefinition(command="x"), state="SUCCEEDED", exit_code=0, reason="exit"
    )
    queued = wire.QueueJobResponse(success=True, job_id=wire.JobId(value="7"))
    server.answers[JobExecutionService.queue_job] = lambda _: queued
    server.answers[JobExecutionService.get_job] = lambda _: response
    server.answers[LogStreamService.subscribe_log_chunks] = lambda _: iter(())
    return response


def test_output_and_errors_come_out_as_they_went_in(server: Any, job: Any, start: Start) -> None:
    chunks = [chunk(b"\x00\xff out\r\n"), chunk(b"err\n", 1, stderr=True), chunk(b"no end", 2)]
    server.answers[LogStreamService.subscribe_log_chunks] = lambda _: iter(chunks)
    process = start("run", "--", "x")
    assert process.communicate() == (b"\x00\xff out\r\nno end", b"err\n")
    assert process.returncode == 0


def test_the_jobs_exit_code_is_the_commands(server: Any, job: Any) -> None:
    job.state, job.exit_code = "FAILED", 7
    assert run(["run", "--", "x"]) == 7


def test_a_timeout_is_told_on_stderr(server: Any, job: Any, capfd: pytest.CaptureFixture[str]) -> None:
    job.state, job.reason, job.exit_code = "TIMEOUT", "timeout:execution", None
    assert run(["run", "--timeout", "2s", "--", "x"]) == 124
    assert capfd.readouterr().err.startswith("hodei: timed out (timeout:execution)")


def test_a_server_elsewhere_is_not_told_this_machines_directory(server: Any, job: Any) -> None:
    assert run(["run", "--", "x"]) == 0
    assert server.asked("QueueJob")[0].job_definition.submit_dir == ""


def test_on_a_server_of_this_machine_the_command_starts_where_the_caller_is(
    server: Any, job: Any, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HODEI_SERVER")
    (place / "server.json").write_text(f'{{"address": "{server.address}", "pid": {os.getpid()}}}')
    monkeypatch.chdir(tmp_path)
    assert run(["run", "--", "x"]) == 0
    assert run(["run", "--workdir", "/srv", "--", "x"]) == 0
    assert run(["run", "--workdir", "sub", "--", "x"]) == 0
    assert run(["run", "--image", "alpine", "--", "x"]) == 0
    jobs = [each.job_definition for each in server.asked("QueueJob")]
    assert [each.working_dir for each in jobs] == ["", "/srv", "sub", ""]
    assert {(each.submit_dir, each.submit_host) for each in jobs} == {(str(tmp_path), socket.gethostname())}


def test_a_directory_that_is_gone_is_not_told(
    server: Any, job: Any, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HODEI_SERVER")
    (place / "server.json").write_text(f'{{"address": "{server.address}", "pid": {os.getpid()}}}')
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(["run", "--", "x"]) == 0
    assert server.asked("QueueJob")[0].job_definition.submit_dir == ""


def test_a_broken_stream_is_taken_up_where_it_stopped(
    server: Any, job: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    from grpc import StatusCode

    def stream(request: wire.SubscribeLogsRequest) -> Iterator[wire.LogChunk]:
        if not request.since_sequence:
            yield chunk(b"one\ntwo\n")
            server.refuse(StatusCode.UNAVAILABLE, "going away", code="")
        yield chunk(b"two\nthree\n", 1)

    server.answers[LogStreamService.subscribe_log_chunks] = stream
    assert run(["run", "--", "x"]) == 0
    out, err = capfd.readouterr()
    assert out == "one\ntwo\nthree\n"
    assert "lost the server" in err
    assert [each.since_sequence for each in server.asked("SubscribeLogChunks")] == [0, 2]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_cancels_the_job_and_waits_for_its_end(
    number: int, status: int, server: Any, job: Any, start: Start
) -> None:
    cancelled = threading.Event()

    def stream(_: object) -> Iterator[wire.LogChunk]:
        yield chunk(b"running\n")
        cancelled.wait(30)
        yield chunk(b"cleaned up\n", 1)

    def cancel(_: object) -> wire.CancelJobResponse:
        job.state, job.exit_code = "CANCELLED", None
        cancelled.set()
        return wire.CancelJobResponse(success=True)

    server.answers[LogStreamService.subscribe_log_chunks] = stream
    server.answers[JobExecutionService.cancel_job] = cancel
    process = start("run", "--", "x")
    assert process.stdout is not None
    assert process.stdout.readline() == b"running\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (status, b"cleaned up\n")
    assert b"cancelling the job" in err


def test_a_second_ctrl_c_leaves_at_once(server: Any, job: Any, start: Start) -> None:
    release, asked = threading.Event(), threading.Event()

    def stream(_: object) -> Iterator[wire.LogChunk]:
        yield chunk(b"running\n")
        release.wait(30)

    def cancel(_: object) -> wire.CancelJobResponse:
        asked.set()
        return wire.CancelJobResponse(success=True)

    server.answers[LogStreamService.subscribe_log_chunks] = stream
    server.answers[JobExecutionService.cancel_job] = cancel
    process = start("run", "--", "x")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert asked.wait(30)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    release.set()


def test_a_job_whose_output_nobody_reads_is_cancelled(server: Any, job: Any, start: Start) -> None:
    cancelled = threading.Event()

    def stream(_: object) -> Iterator[wire.LogChunk]:
        number = 0
        while not cancelled.is_set():
            yield chunk(b"y\n" * 5000, number)
            number += 5000

    def cancel(_: object) -> wire.CancelJobResponse:
        cancelled.set()
        return wire.CancelJobResponse(success=True)

    server.answers[LogStreamService.subscribe_log_chunks] = stream
    server.answers[JobExecutionService.cancel_job] = cancel
    process = start("run", "--", "yes")
    assert process.stdout is not None
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    assert process.wait(30) == 128 + signal.SIGPIPE
    assert cancelled.is_set()
    assert process.stderr is not None
    assert process.stderr.read() == b""


def waits(server: Any, job: Any, *reasons: str) -> threading.Event:
    """Let the job wait for one reason after the other and then succeed; its output comes at the end."""
    left = list(reasons)
    enough = threading.Event()

    def get(_: object) -> wire.GetJobResponse:
        if left:
            job.state, job.pending_reasons = "PENDING", [wire.PendingReason(provider="d", reason=left.pop(0))]
        else:
            job.state = "SUCCEEDED"
            enough.set()
        return job

    def stream(_: object) -> Iterator[wire.LogChunk]:
        enough.wait(30)
        yield chunk(b"out\n")

    server.answers[JobExecutionService.get_job] = get
    server.answers[LogStreamService.subscribe_log_chunks] = stream
    return enough


def on_terminal(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What a command writes to stderr when that is a terminal of 40 columns."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    with open(theirs, "w", closefd=False) as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        assert run(list(arguments)) == 0
    os.close(theirs)
    written = b""
    with contextlib.suppress(OSError):  # EIO: nobody writes there any more
        while data := os.read(ours, 65536):
            written += data
    os.close(ours)
    return written.decode()


@pytest.mark.parametrize("command", [["run", "--", "x"], ["logs", "follow", "7"]])
def test_what_a_job_waits_for_is_one_line_that_goes_when_it_starts(
    server: Any, job: Any, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr("hodei_cli.pending.FIRST_SECONDS", 0.01)
    monkeypatch.setattr("hodei_cli.pending.EVERY_SECONDS", 0.01)
    waits(server, job, "pulling x 1 %", "pulling x 42 %", "a reason that is longer than the line")
    lines = [
        "hodei: waiting: d: pulling x 1 %",
        "hodei: waiting: d: pulling x 42 %",
        "hodei: waiting: d: a reason that is lo…",
    ]
    written = on_terminal(monkeypatch, *command)
    assert written == "".join(f"\r\x1b[K{line}" for line in lines) + "\r\x1b[K"


def test_watching_shows_it_too(server: Any, job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hodei_cli.pending.FIRST_SECONDS", 0.01)
    monkeypatch.setattr("hodei_cli.pending.EVERY_SECONDS", 0.01)
    enough = waits(server, job, "pulling x 1 %")

    def moves(_: object) -> Iterator[wire.GetJobResponse]:
        enough.wait(30)
        yield job

    server.answers[JobExecutionService.watch_job] = moves
    assert "waiting: d: pulling x 1 %" in on_terminal(monkeypatch, "job", "watch", "7")


def off_terminal(
    server: Any,
    job: Any,
    monkeypatch: pytest.MonkeyPatch,
    *reasons: wire.PendingReason,
    since: float = 0.0,
) -> None:
    """Run a job that waits for one reason after the other, looked at again and again; since so long."""
    monkeypatch.setattr("hodei_cli.pending.FIRST_SECONDS", 0.01)
    monkeypatch.setattr("hodei_cli.pending.EVERY_SECONDS", 0.01)
    times = iter([since])
    monkeypatch.setattr("hodei_cli.pending.now", lambda: next(times, 0.0))
    left, enough = list(reasons), threading.Event()

    def get(_: object) -> wire.GetJobResponse:
        job.state, job.pending_reasons = ("PENDING", [left.pop(0)]) if left else ("SUCCEEDED", [])
        if not left:
            enough.set()
        return job

    def stream(_: object) -> Iterator[wire.LogChunk]:
        enough.wait(30)
        yield chunk(b"out\n")

    server.answers[JobExecutionService.get_job] = get
    server.answers[LogStreamService.subscribe_log_chunks] = stream
    assert run(["run", "--", "x"]) == 0


def test_a_job_that_nobody_can_serve_says_so_at_once_where_no_terminal_is(
    server: Any, job: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    never = wire.PendingReason(reason="no provider can serve it: 999 GiB", lasting=True)
    other = wire.PendingReason(provider="d", reason="is disabled", lasting=True)
    off_terminal(server, job, monkeypatch, never, never, other, never)
    said = ["no provider can serve it: 999 GiB", "d: is disabled"]
    assert capfd.readouterr() == ("out\n", "".join(f"hodei: waiting: {each}\n" for each in said))


def test_each_change_of_what_a_job_waits_for_is_a_line_where_no_terminal_is(
    server: Any, job: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pulling = [
        wire.PendingReason(provider="d", reason=f"pulling x {each} %", slow=True) for each in (1, 2, 50)
    ]
    trouble = wire.PendingReason(provider="d", reason="could not make a worker: 429", slow=True)
    off_terminal(server, job, monkeypatch, *pulling, trouble, pulling[0])
    assert capfd.readouterr() == (
        "out\n",
        "hodei: waiting: d: pulling x 1 %\nhodei: waiting: d: could not make a worker: 429\n",
    )


def test_what_is_over_in_a_moment_is_no_line_where_no_terminal_is_before_it_has_lasted(
    server: Any, job: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    starting = wire.PendingReason(provider="d", reason="a worker is starting")
    off_terminal(server, job, monkeypatch, starting, starting)
    assert capfd.readouterr().err == ""
    off_terminal(server, job, monkeypatch, starting, starting, since=-60.0)
    assert capfd.readouterr().err == "hodei: waiting: d: a worker is starting\n"


def test_a_wait_says_since_when_and_until_when(
    server: Any, job: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job.created_at = AT
    job.job = wire.JobDefinition(timeout=wire.TimeoutConfig(queue_timeout=timedelta(minutes=10)))
    pulling = wire.PendingReason(provider="d", reason="pulling x", slow=True)
    off_terminal(server, job, monkeypatch, pulling, pulling)
    since, until = (f"{each.astimezone():%F %H:%M:%S}" for each in (AT, AT + timedelta(minutes=10)))
    assert capfd.readouterr().err == f"hodei: waiting since {since}, until {until}: d: pulling x\n"


def test_queueing_says_why_a_job_waits_that_nobody_can_serve(
    server: Any, job: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    job.state = "PENDING"
    job.pending_reasons = [wire.PendingReason(provider="d", reason="is at its limit of 2 workers")]
    assert run(["job", "queue", "--", "x"]) == 0
    assert capfd.readouterr().err == ""
    job.pending_reasons.insert(0, wire.PendingReason(reason="no provider can serve it", lasting=True))
    assert run(["job", "queue", "--", "x"]) == 0
    assert (
        capfd.readouterr().err
        == "hodei: waiting: no provider can serve it; d: is at its limit of 2 workers\n"
    )


def test_following_starts_with_the_tail_and_takes_up_from_there(
    server: Any, job: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    server.answers[LogStreamService.subscribe_log_chunks] = lambda _: iter([chunk(b"last\n", 41)])
    assert run(["logs", "follow", "7", "--tail", "1"]) == 0
    assert capfd.readouterr().out == "last\n"
    (request,) = server.asked("SubscribeLogChunks")
    assert (request.include_history, request.tail_lines) == (False, 1)
