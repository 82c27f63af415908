"""`hodei top`, `hodei job watch` of all jobs, `hodei dashboard`: what is asked of a server, what is shown."""

import json
import os
import signal
import socket
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hodei_cli.commands.top import size
from hodei_cli.exits import Exit
from hodei_cli.job_board import Board, lines_of
from hodei_cli.main import run
from hodei_grpc.methods import JobExecutionService, MetricsService, WorkerService
from hodei_proto.wire import hodei as wire

AT = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
MIB = 1024 * 1024
Output = pytest.CaptureFixture[str]


def row(id: str, state: str, **more: Any) -> dict[str, Any]:
    given = dict.fromkeys(
        ("name", "exit_code", "reason", "queued_by", "started_at", "completed_at", "duration", "progress")
    )
    return {"id": id, "state": state, "created_at": AT, **given, **more}


@pytest.fixture
def busy(server: Any) -> Any:
    """A server with one busy worker and an idle one."""
    usage = wire.ResourceUsage(
        cpu_cores=1.5, memory_bytes=64 * MIB, custom_usage={"network_sent_bytes": 2048}
    )
    workers = [
        wire.WorkerView(id="idle", state="READY", provider="process"),
        wire.WorkerView(id="busy", state="BUSY", provider="docker", current_job_id="j1", usage=usage),
    ]
    started = datetime.now(UTC) - timedelta(minutes=3)
    jobs = [wire.JobSummary(job_id=wire.JobId(value="j1"), name="night\x1b[31mly", started_at=started)]
    times = wire.Durations(count=4, p50_seconds=0.5, p95_seconds=90)
    told = wire.JobMetrics(jobs_by_state={"PENDING": 7, "RUNNING": 1, "FAILED": 2}, queue=times, run=times)
    server.answers[WorkerService.list_workers] = lambda _: wire.ListWorkersResponse(workers=workers)
    server.answers[JobExecutionService.list_jobs] = lambda _: wire.ListJobsResponse(jobs=jobs)
    server.answers[MetricsService.get_job_metrics] = lambda _: told
    server.answers[MetricsService.stream_metrics] = lambda _: iter(())
    return server


def test_top_shows_who_is_busy_first_with_what_it_uses(busy: Any, capsys: Output) -> None:
    assert run(["top", "--once"]) == 0
    out = capsys.readouterr().out
    assert "7 pending" in out
    assert "in the queue 0.5s (95 %: 1m30s)" in out
    first, second = out.splitlines()[-2:]
    assert first.split()[:7] == ["busy", "BUSY", "docker", "150", "%", "64", "MiB"]
    assert "2.0 KiB" in first
    assert "3m00s" in first
    assert "\\x1b[31m" in first
    assert second.split() == ["idle", "READY", "process"]
    assert "\x1b" not in out


def test_top_for_programs_says_numbers(busy: Any, capsys: Output) -> None:
    assert run(["top", "--once", "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["jobs"]["PENDING"] == 7
    worker = told["workers"][0]
    assert (worker["job"], worker["cpu_cores"], worker["memory_bytes"]) == ("j1", 1.5, 64 * MIB)
    assert told["workers"][1]["cpu_cores"] is None


def test_top_goes_on_with_samples_as_they_come_until_ctrl_c(busy: Any, start: Any) -> None:
    sample = wire.RealTimeMetrics(
        worker_id=wire.WorkerId(value="busy"),
        memory=wire.MemoryUsage(used_bytes=5),
        custom=[
            wire.CustomMetric(name="job_id", value="j1"),
            wire.CustomMetric(name="cpu_cores", value="3.25"),
        ],
    )

    def samples(_: Any) -> Any:
        yield wire.MetricsStreamResponse(metrics=sample)

    busy.answers[MetricsService.stream_metrics] = samples
    process = start("top", "--output", "json", "--every", "500ms", HODEI_SERVER=busy.address)
    first, _ = json.loads(process.stdout.readline()), json.loads(process.stdout.readline())
    assert first["workers"][0]["cpu_cores"] == 3.25
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"Traceback" not in err


def test_without_workers_top_says_when_they_come(busy: Any, capsys: Output) -> None:
    busy.answers[WorkerService.list_workers] = lambda _: wire.ListWorkersResponse()
    assert run(["top", "--once"]) == 0
    assert "come when there are jobs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (230 * MIB, "230 MiB"),
        (1 << 50, "1024 TiB"),
    ],
)
def test_sizes_are_for_people(value: int | None, shown: str | None) -> None:
    assert size(value) == shown


def board(*looks: dict[str, list[dict[str, Any]]]) -> Board:
    """A board that sees this, look by look: rows by state, "" for all; ended ones can be read."""
    seen = iter(looks)
    now: dict[str, Any] = {}

    def listed(states: Collection[str]) -> list[dict[str, Any]]:
        state = "".join(states)
        if state == "RUNNING":  # the first that is asked for
            now.clear()
            now.update(next(seen))
        return list(now.get(state, []))

    def read(id: str) -> dict[str, Any]:
        return next(each for each in now["ended"] if each["id"] == id)

    return Board(listed, read)


def test_a_board_tells_what_has_changed_since_the_last_look() -> None:
    ended = row("a", "FAILED", exit_code=3)
    watched = board(
        {"RUNNING": [row("a", "RUNNING")], "PENDING": [row("b", "PENDING")], "": [row("z", "SUCCEEDED")]},
        {"RUNNING": [row("a", "RUNNING")], "PENDING": [row("b", "PENDING")]},
        {"RUNNING": [row("b", "RUNNING")], "ended": [ended]},
    )
    assert [(each["id"], each["state"]) for each in watched.look()] == [
        ("a", "RUNNING"),
        ("b", "PENDING"),
        ("z", "SUCCEEDED"),
    ]
    assert watched.look() == []
    assert [(each["id"], each["state"]) for each in watched.look()] == [("a", "FAILED"), ("b", "RUNNING")]
    assert [each["id"] for each in watched.rows()] == ["b", "a", "z"]


def test_a_job_that_is_only_pushed_off_the_page_has_not_ended() -> None:
    waiting = row("a", "PENDING")
    watched = board({"PENDING": [waiting], "": []}, {"PENDING": [row("b", "PENDING")], "ended": [waiting]})
    watched.look()
    assert [each["id"] for each in watched.look()] == ["b"]
    assert [each["id"] for each in watched.rows()] == ["b"]


def test_the_table_says_how_long_what_runs_has_run() -> None:
    began = datetime.now(UTC) - timedelta(seconds=75)
    lines = lines_of([row("a", "RUNNING", started_at=began)], None)
    assert "1 running" in lines[0]
    assert "1m15s" in lines[-1]
    assert "hodei run" in lines_of([], None)[-1]


def test_watching_all_jobs_is_a_line_for_each_change_until_ctrl_c(server: Any, start: Any) -> None:
    running = wire.JobSummary(job_id=wire.JobId(value="j1"), state="RUNNING", created_at=AT)

    def listed(request: wire.ListJobsRequest) -> wire.ListJobsResponse:
        assert request.queued_by == "ana"
        return wire.ListJobsResponse(jobs=[running] if request.status is wire.JobStatus.RUNNING else [])

    server.answers[JobExecutionService.list_jobs] = listed
    process = start("job", "watch", "--by", "ana", "-o", "json", HODEI_SERVER=server.address)
    assert json.loads(process.stdout.readline())["id"] == "j1"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")


@pytest.fixture
def announced(place: Path) -> Any:
    """Announces a server of this machine that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def announce(file: str = "server.json", **beside: str) -> None:
            state = {"address": f"127.0.0.1:{listening.getsockname()[1]}", "pid": os.getpid(), **beside}
            (place / file).write_text(json.dumps(state))

        yield announce


Announce = Callable[..., None]


def test_the_dashboard_is_where_the_server_announces_it(announced: Announce, capsys: Output) -> None:
    announced(rest="0.0.0.0:3000")
    assert run(["dashboard", "--print"]) == 0
    assert capsys.readouterr().out == "http://127.0.0.1:3000\n"
    assert run(["dashboard", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"url": "http://127.0.0.1:3000"}


def test_the_dashboard_is_that_of_the_server_that_lives(
    announced: Announce, place: Path, capsys: Output
) -> None:
    gone = {"address": "127.0.0.1:1", "pid": os.getpid(), "rest": "127.0.0.1:1111"}
    (place / "server.json").write_text(json.dumps(gone))
    announced("server-77.json", rest="127.0.0.1:3000")
    assert run(["dashboard", "--print"]) == 0
    assert capsys.readouterr().out == "http://127.0.0.1:3000\n"


def test_where_there_is_no_display_the_address_is_enough(
    announced: Announce, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    announced(rest="127.0.0.1:3000")
    assert run(["dashboard"]) == 0
    told = capsys.readouterr()
    assert told.out == "http://127.0.0.1:3000\n"
    assert "no display" in told.err


def test_a_browser_is_told_the_address(
    announced: Announce, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    announced(rest="[::1]:3000")
    assert run(["dashboard"]) == 0
    assert (tmp_path / "opened").read_text() == "http://[::1]:3000\n"


def test_no_dashboard_is_explained(announced: Announce, place: Path, capsys: Output) -> None:
    assert run(["dashboard"]) == Exit.UNAVAILABLE
    assert "hodei up" in capsys.readouterr().err
    announced()
    assert run(["dashboard"]) == Exit.UNAVAILABLE
    assert "serves no dashboard" in capsys.readouterr().err
    assert run(["dashboard", "--server", "far:1"]) == Exit.USAGE
