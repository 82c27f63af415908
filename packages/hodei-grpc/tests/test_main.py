"""The program hodei-server, as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc
import pytest
from attrs import define
from hodei_grpc.client import CallFailed, SyncClient
from hodei_grpc.methods import (
    JobExecutionService,
    LogStreamService,
    SchedulerService,
    WorkerAgentService,
    WorkerService,
)
from hodei_infrastructure.postgres.testing import (  # noqa: F401  (fixtures)
    database_url,
    empty_database_url,
    postgres_server,
)
from hodei_proto.wire import hodei as wire

pytestmark = [pytest.mark.postgres, pytest.mark.e2e]
WITHIN = 60


@define
class Started:
    """A server process that says where it serves."""

    process: subprocess.Popen[str]
    port: int
    data_dir: Path

    def client(self, *, token: str | None = None) -> SyncClient:
        return SyncClient(f"127.0.0.1:{self.port}", token=token)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=WITHIN)
        return self.process.returncode, errors


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HODEI_", "DATABASE_"))}
    ours = {"HODEI_DATA_DIR": str(data_dir), "GRPC_PORT": "0", "HODEI_DOCKER_ENABLED": "0"}
    ours["HODEI_METRICS_PORT"] = "off"  # the usual one is for one server of the machine
    return kept | ours | variables


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "hodei_grpc.main", *arguments]


@contextmanager
def running(
    data_dir: Path, *arguments: str, pass_fds: tuple[int, ...] = (), **variables: str
) -> Iterator[Started]:
    ready, told = os.pipe()
    process = subprocess.Popen(
        command("--ready-fd", str(told), *arguments),
        env=environment(data_dir, **variables),
        pass_fds=(told, *pass_fds),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(told)
    with process:
        with open(ready) as pipe:
            line = pipe.read()
        if not line:
            raise AssertionError(process.communicate()[1])
        yield Started(process, json.loads(line)["port"], data_dir)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=WITHIN)


def refused(data_dir: Path, **variables: str) -> tuple[int, str]:
    done = subprocess.run(
        command(),
        env=environment(data_dir, **variables),
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    return done.returncode, done.stderr


def run(client: SyncClient, line: str) -> Any:
    """Queue a job and watch it to its end."""
    request = wire.QueueJobRequest(job_definition=wire.JobDefinition(command=line))
    job = client.call(JobExecutionService.queue_job, request, timeout=WITHIN).job_id
    *_, last = client.stream(JobExecutionService.watch_job, wire.GetJobRequest(job_id=job), timeout=WITHIN)
    return last


def test_a_server_says_where_it_serves_and_stops_in_good_order(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    with running(tmp_path, HODEI_DATABASE_URL=database_url, HODEI_DEV_MODE="1") as server:
        state = json.loads((tmp_path / "server.json").read_text())
        assert state == {"address": f"127.0.0.1:{server.port}", "pid": server.process.pid}
        with server.client() as client:
            client.call(SchedulerService.get_queue_status, wire.GetQueueStatusRequest(), timeout=WITHIN)
        code, errors = server.stop()
        assert code == 0
        assert "Stopped" in errors
        assert "Traceback" not in errors
    assert not (tmp_path / "server.json").exists()


def test_a_server_announces_where_it_can_be_scraped_and_a_private_one_opens_no_such_port(
    database_url: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    with running(tmp_path, HODEI_DATABASE_URL=database_url, HODEI_METRICS_PORT="0"):
        address = json.loads((tmp_path / "server.json").read_text())["metrics"]
        with urlopen(f"http://{address}/metrics", timeout=WITHIN) as answer:
            assert b"hodei_database_up 1.0" in answer.read()
    with running(
        tmp_path / "private", "--ephemeral", HODEI_DATABASE_URL=database_url, HODEI_METRICS_PORT="0"
    ):
        assert "metrics" not in json.loads((tmp_path / "private" / "server.json").read_text())


def test_a_port_for_metrics_that_is_taken_is_said_and_a_nonsensical_one_too(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        code, errors = refused(tmp_path, HODEI_METRICS_PORT=str(other.getsockname()[1]))
    assert code == 69
    assert "HODEI_METRICS_PORT" in errors
    assert "Traceback" not in errors
    code, errors = refused(tmp_path, HODEI_METRICS_PORT="nine")
    assert code == 64
    assert "HODEI_METRICS_PORT" in errors
    assert "off" in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_interrupt_and_a_closed_terminal_stop_it_too(
    database_url: str,  # noqa: F811
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    with running(tmp_path, HODEI_DATABASE_URL=database_url) as server:
        code, errors = server.stop(number)
    assert (code, "Traceback" in errors) == (0, False)


def test_the_banner_names_the_services(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    with running(tmp_path, HODEI_DATABASE_URL=database_url) as server:
        server.process.send_signal(signal.SIGTERM)
        said, _ = server.process.communicate(timeout=WITHIN)
    assert f"Starting server on 127.0.0.1:{server.port}" in said
    for line in (
        "WorkerAgentService (with OTP authentication)",
        "JobExecutionService",
        "Process provider initialized",
    ):
        assert f"✓ {line}" in said


def test_callers_need_the_token_of_the_data_directory(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    with running(tmp_path, HODEI_DATABASE_URL=database_url) as server:
        path = tmp_path / "token"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        request = wire.GetQueueStatusRequest()
        with server.client() as stranger, pytest.raises(CallFailed) as caught:
            stranger.call(SchedulerService.get_queue_status, request, timeout=WITHIN)
        assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED
        with server.client(token=path.read_text().strip()) as ours:
            ours.call(SchedulerService.get_queue_status, request, timeout=WITHIN)


def test_a_private_server_has_its_own_database_and_takes_its_workers_along(tmp_path: Path) -> None:
    theirs, ours = os.pipe()
    with running(tmp_path, "--ephemeral", "--owner-fd", str(theirs), pass_fds=(theirs,)) as server:
        os.close(theirs)
        with server.client(token=(tmp_path / "token").read_text().strip()) as client:
            assert run(client, "true").state == "SUCCEEDED"
        assert list((tmp_path / "workers").glob("*.json"))
        os.close(ours)
        _, errors = server.process.communicate(timeout=WITHIN)
        assert server.process.returncode == 0, errors
    assert not list((tmp_path / "workers").glob("*.json"))
    assert not (tmp_path / "server.json").exists()


@pytest.mark.parametrize(("arguments", "left"), [((), 1), (("--only-server",), 0)])
def test_the_only_server_of_a_database_takes_idle_workers_along(
    database_url: str,  # noqa: F811
    tmp_path: Path,
    arguments: tuple[str, ...],
    left: int,
) -> None:
    with running(tmp_path, *arguments, HODEI_DATABASE_URL=database_url) as server:
        with server.client(token=(tmp_path / "token").read_text().strip()) as client:
            assert run(client, "true").state == "SUCCEEDED"
        code, errors = server.stop()
        assert code == 0, errors
    try:
        assert len(list((tmp_path / "workers").glob("*.json"))) == left
    finally:
        with running(tmp_path, "--ephemeral", HODEI_DATABASE_URL=database_url):
            pass  # it clears away what the other left


def test_the_jobs_of_an_owner_that_is_gone_are_cancelled(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    theirs, ours = os.pipe()
    arguments = ("--ephemeral", "--owner-fd", str(theirs))
    with running(tmp_path, *arguments, pass_fds=(theirs,), HODEI_DATABASE_URL=database_url) as server:
        os.close(theirs)
        with server.client(token=(tmp_path / "token").read_text().strip()) as client:
            request = wire.QueueJobRequest(job_definition=wire.JobDefinition(command="exec sleep 300"))
            job = client.call(JobExecutionService.queue_job, request, timeout=WITHIN).job_id
            assert job is not None
            os.write(ours, f"{job.value}\n".encode())
            os.close(ours)
            _, errors = server.process.communicate(timeout=WITHIN)
    assert server.process.returncode == 0, errors


def test_the_database_is_upgraded_on_request(empty_database_url: str, tmp_path: Path) -> None:  # noqa: F811
    done = subprocess.run(
        command("--upgrade-db"),
        env=environment(tmp_path, HODEI_DATABASE_URL=empty_database_url),
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=True,
    )
    assert done.stdout.startswith("database is at 0")


def test_every_wrong_setting_is_told_at_once(tmp_path: Path) -> None:
    code, errors = refused(tmp_path, HODEI_DEV_MODE="perhaps", HODEI_BINDD="x")
    assert code == 64
    assert "HODEI_DEV_MODE: " in errors
    assert "HODEI_BINDD: no such variable; did you mean HODEI_BIND?" in errors


def test_a_port_that_is_taken_is_named_with_what_to_do(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, errors = refused(tmp_path, HODEI_DATABASE_URL=database_url, GRPC_PORT=str(port))
    assert code == 69
    assert f"127.0.0.1:{port}" in errors
    assert "GRPC_PORT" in errors
    assert "Traceback" not in errors


def test_a_server_does_not_listen_where_strangers_could_call(tmp_path: Path) -> None:
    code, errors = refused(tmp_path, HODEI_BIND="0.0.0.0", HODEI_DEV_MODE="1")
    assert code == 69
    assert "HODEI_BIND" in errors
    assert "HODEI_DEV_MODE=0" in errors
    assert "Traceback" not in errors


def test_with_tokens_a_server_may_listen_everywhere(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    with running(tmp_path, HODEI_DATABASE_URL=database_url, HODEI_BIND="0.0.0.0") as server:
        request = wire.GetQueueStatusRequest()
        with server.client() as stranger, pytest.raises(CallFailed) as caught:
            stranger.call(SchedulerService.get_queue_status, request, timeout=WITHIN)
    assert caught.value.status is grpc.StatusCode.UNAUTHENTICATED


def test_a_token_that_others_can_read_is_refused(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "token").write_text("known\n")
    (tmp_path / "token").chmod(0o644)
    code, errors = refused(tmp_path, HODEI_DATABASE_URL=database_url)
    assert code == 69
    assert "others may read it" in errors


def test_a_database_that_is_away_is_waited_for_and_the_wait_can_be_ended(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    url = f"postgres://nobody@127.0.0.1:{port}/nothing"
    process = subprocess.Popen(
        command(), env=environment(tmp_path, HODEI_DATABASE_URL=url), stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if "waiting for the database" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WITHIN)
    assert process.returncode == 0


def test_a_running_job_outlives_a_restart_of_the_server(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    variables = {"HODEI_DATABASE_URL": database_url, "HODEI_DEV_MODE": "1"}
    request = wire.QueueJobRequest(
        job_definition=wire.JobDefinition(command=f"echo before; cat {gate}; echo after")
    )
    with running(tmp_path, **variables) as server:
        with server.client() as client:
            job = client.call(JobExecutionService.queue_job, request, timeout=WITHIN).job_id
            watched = wire.GetJobRequest(job_id=job)
            for move in client.stream(JobExecutionService.watch_job, watched, timeout=WITHIN):
                if move.state == "RUNNING":
                    break
        assert server.stop()[0] == 0
    with running(tmp_path, **variables, GRPC_PORT=str(server.port)) as again, again.client() as client:
        with open(gate, "w") as opened:  # waits for the job's `cat`: it must still be there
            opened.write("between\n")
        *_, ended = client.stream(JobExecutionService.watch_job, watched, timeout=WITHIN)
        assert (ended.state, ended.attempt) == ("SUCCEEDED", 1)
        assert job is not None
        page = client.call(LogStreamService.get_logs, wire.GetLogsRequest(job_id=job.value), timeout=WITHIN)
        assert [line.line for line in page.entries] == ["before", "between", "after"]
        workers = client.call(WorkerService.list_workers, wire.ListWorkersRequest(), timeout=WITHIN).workers
        for worker in workers:
            leave = wire.UnregisterWorkerRequest(worker_id=wire.WorkerId(value=worker.id), force=True)
            client.call(WorkerAgentService.unregister_worker, leave, timeout=WITHIN)
