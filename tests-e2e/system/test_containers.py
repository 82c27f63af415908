"""Jobs in containers of several images, on fewer workers: each ends once, whatever becomes of the server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hodei_grpc.methods import JobExecutionService
from hodei_proto.wire import hodei

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MAX_WORKERS = 5
DOCKER = {
    "HODEI_DOCKER_ENABLED": "1",
    "HODEI_DOCKER_MAX_WORKERS": str(MAX_WORKERS),
    "HODEI_PROCESS_ENABLED": "0",
}
SHELL = ("hodei-test/busybox:1", "hodei-test/debian:12", "hodei-test/python:3.11")
DISTROLESS = "hodei-test/distroless:1"
WITHIN = 60  # seconds in which the janitor has seen to what a dead server left behind


class Engine:
    """The engine's command line, and the containers of one installation."""

    def __init__(self, installation: Path) -> None:
        self._installation = installation

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(("docker", *arguments), capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.strip()

    def workers(self) -> set[str]:
        """The ids of the workers that have a container, running or not."""
        mark = f"label=hodei.installation={self._installation.read_text().strip()}"
        return set(self("ps", "-a", "--filter", mark, "--format", '{{.Label "hodei.worker.id"}}').split())


@pytest.fixture
def port() -> int:
    """A port to which a second server can come back. Workers dial the first one's."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture
def data(need_images: Callable[..., None], tmp_path: Path) -> Path:
    need_images(*SHELL, DISTROLESS)
    return tmp_path


@pytest.fixture
def database(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    own_database = request.getfixturevalue("make_database")
    with own_database(postgres_url, f"containers_{os.getpid()}_{abs(hash(request.node.name))}") as url:
        yield url


def submit(platform: Any, count: int, seconds: float) -> list[str]:
    """Queue so many jobs, over all images in turn; their ids."""
    requests = []
    for number in range(count):
        image = (*SHELL, DISTROLESS)[number % 4]
        words = (
            ["/app/hello", str(number)]
            if image == DISTROLESS
            else ["sh", "-c", f"echo begin {number}; sleep {seconds}; echo end {number}"]
        )
        definition = hodei.JobDefinition(command=words[0], arguments=words[1:], image=image)
        requests.append(hodei.QueueJobRequest(job_definition=definition, queued_by="tests"))
    with platform.client() as client:
        answer = client.call(
            JobExecutionService.queue_jobs, hodei.QueueJobsRequest(requests=requests), timeout=60
        )
    return [each.job_id.value for each in answer.responses if each.job_id is not None]


def expected(number: int) -> bytes:
    """What job `number` writes."""
    if number % 4 == 3:
        return f"hello from distroless {number}\n".encode()
    return f"begin {number}\nend {number}\n".encode()


def until(true: Callable[[], bool], what: str, seconds: float = WITHIN) -> None:
    """Look until it is true; what is awaited is in other processes."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def assert_each_ended_once(platform: Any, jobs: list[str]) -> None:
    assert Counter(platform.wait(job, 300).state for job in jobs) == {"SUCCEEDED": len(jobs)}
    ends = """
        SELECT count(*), count(DISTINCT correlation_id) FROM audit_logs
        WHERE event_type = 'JobStatusChanged' AND payload->>'new_state' = 'SUCCEEDED'"""
    assert platform.sql(ends) == [(len(jobs), len(jobs))]
    for number, job in enumerate(jobs):
        assert platform.output(job) == expected(number), (number, job)


def test_two_hundred_jobs_over_four_images_share_five_workers(
    database: str, data: Path, run_server: Any
) -> None:
    with run_server(database, data, **DOCKER) as platform:
        engine = Engine(data / "installation")
        jobs = submit(platform, 200, 0.05)
        most = 0

        def all_done() -> bool:
            nonlocal most
            most = max(most, len(engine.workers()))
            return platform.sql("SELECT count(*) FROM jobs WHERE completed_at IS NULL") == [(0,)]

        until(all_done, "the jobs did not end", 240)
        assert_each_ended_once(platform, jobs)
        assert 1 <= most <= MAX_WORKERS
    assert engine.workers() == set()


@pytest.mark.parametrize("after", [0.0, 0.4, 1.0, 2.5])
def test_a_killed_server_loses_no_job_and_leaves_no_container(
    after: float, database: str, data: Path, run_server: Any, port: int
) -> None:
    """Killed while workers are being made, and while jobs run: at the next start each goes on."""
    with ExitStack() as first:
        platform = first.enter_context(run_server(database, data, port, **DOCKER))
        jobs = submit(platform, 40, 0.5)
        time.sleep(after)  # the moment of the fault, not something awaited
        os.kill(platform.pid, signal.SIGKILL)
    engine = Engine(data / "installation")
    with run_server(database, data, port, **DOCKER) as platform:
        wanted = "SELECT id::text FROM workers WHERE state <> 'TERMINATED'"
        until(lambda: engine.workers() <= {row[0] for row in platform.sql(wanted)}, "containers are left")
        assert_each_ended_once(platform, jobs)
        # No job was run twice: the workers went on while there was no server.
        assert platform.sql("SELECT max(attempt) FROM jobs") == [(1,)]
    assert engine.workers() == set()


def test_nobody_who_looks_at_a_worker_finds_its_password(database: str, data: Path, run_server: Any) -> None:
    with run_server(database, data, **DOCKER) as platform:
        job = platform.queue("sleep", "1000", image=SHELL[0])
        engine = Engine(data / "installation")
        until(lambda: platform.sql("SELECT state FROM jobs") == [("RUNNING",)], "it does not run")
        [worker] = engine.workers()
        seen = engine("inspect", f"hodei-worker-{worker}")
        about = json.loads(seen)[0]
        assert about["HostConfig"]["CapDrop"] == ["ALL"]
        assert about["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
        assert not {"SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN"} & {*(about["HostConfig"]["CapAdd"] or ())}
        assert not [word for word in about["Config"]["Env"] if "TOKEN" in word]
        assert engine("exec", f"hodei-worker-{worker}", "ls", "-A", "/.hodei-start") == ""
        assert "hodei_otp" not in seen + (data / "server.log").read_text().lower()
        with platform.client() as client:
            request = hodei.CancelJobRequest(job_id=hodei.JobId(value=job))
            client.call(JobExecutionService.cancel_job, request, timeout=10)
        assert platform.wait(job).state == "CANCELLED"


def test_a_container_removed_by_hand_loses_its_job_which_runs_again(
    database: str, data: Path, run_server: Any
) -> None:
    with run_server(database, data, **DOCKER) as platform:
        engine = Engine(data / "installation")
        job = platform.queue(
            "sh", "-c", "echo $HODEI_ATTEMPT; test $HODEI_ATTEMPT = 2 || sleep 1000", image=SHELL[0]
        )
        until(lambda: platform.sql("SELECT state FROM jobs") == [("RUNNING",)], "it does not run")
        [worker] = engine.workers()
        engine("rm", "-f", f"hodei-worker-{worker}")
        ended = platform.wait(job)
        assert (ended.state, ended.attempt) == ("SUCCEEDED", 2)


def test_too_much_memory_is_told_as_such(database: str, data: Path, run_server: Any) -> None:
    eater = "x = []\nwhile True: x.append(bytearray(10_000_000))"
    with run_server(database, data, **DOCKER) as platform:
        asked = hodei.ResourceRequirements(memory_bytes=128 << 20)
        ended = platform.run("python3", "-c", eater, image="hodei-test/python:3.11", requirements=asked)
        assert (ended.state, ended.reason) == ("FAILED", "oom"), ended.message
        assert "128 MiB" in ended.message


def test_a_fork_bomb_ends_with_its_job(database: str, data: Path, run_server: Any) -> None:
    bomb = "b() { b | b & }; b; sleep 1000"
    with run_server(database, data, **DOCKER) as platform:
        timeout = hodei.TimeoutConfig(seconds=3)
        ended = platform.run("sh", "-c", bomb, image=SHELL[0], timeout=timeout)
        assert ended.state in ("TIMEOUT", "FAILED")
        assert platform.run("echo", "well", image=SHELL[1]).state == "SUCCEEDED"
    assert Engine(data / "installation").workers() == set()


def test_more_memory_than_the_engine_has_is_never_tried(database: str, data: Path, run_server: Any) -> None:
    with run_server(database, data, **DOCKER) as platform:
        asked = hodei.ResourceRequirements(memory_bytes=1 << 50)
        job = platform.queue("true", image=SHELL[0], requirements=asked)
        with platform.client() as client:
            request = hodei.GetJobRequest(job_id=hodei.JobId(value=job))
            told = client.call(JobExecutionService.get_job, request, timeout=10)
        assert [r for r in told.pending_reasons if "memory" in r.reason], told.pending_reasons
        assert platform.sql("SELECT count(*) FROM workers") == [(0,)]


class NothingThere(BaseHTTPRequestHandler):
    """A registry that has no image."""

    def do_GET(self) -> None:
        body = b"{}"
        if self.path != "/v2/":
            body = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "we never had such a thing"}]}'
        self.send_response(200 if self.path == "/v2/" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815  (http.server looks for this name)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def empty_registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), NothingThere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_what_cannot_be_pulled_fails_at_once_with_the_registrys_words(
    database: str, data: Path, run_server: Any, empty_registry: str
) -> None:
    with run_server(database, data, **DOCKER) as platform:
        ended = platform.run("true", image=f"{empty_registry}/some/thing:1")
        assert (ended.state, ended.reason) == ("FAILED", "image-pull")
        assert "we never had such a thing" in ended.message
        wrong = platform.run("true", image="Not A Reference")
        assert (wrong.state, wrong.reason) == ("FAILED", "image-pull"), wrong.message
