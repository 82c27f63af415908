"""The assembled platform: a server process, a Postgres of its own, workers that it provisions, our client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import frozen
from bounded import next_line
from hodei_grpc.client import SyncClient
from hodei_grpc.methods import JobExecutionService, LogStreamService
from hodei_infrastructure.embedded.errors import EmbeddedPostgresError
from hodei_infrastructure.embedded.server import EmbeddedPostgres
from hodei_infrastructure.embedded.tuning import Tuning
from hodei_proto.wire import hodei

STARTS_WITHIN = 60
MAX_WORKERS = 4


@frozen
class Platform:
    """A running server, and what a test needs to speak to it and to look behind it."""

    address: str
    token: str
    url: str
    data_dir: Path
    pid: int

    def client(self) -> SyncClient:
        """A connection of its own."""
        return SyncClient(self.address, token=self.token)

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one query in a transaction of its own; rows if it gives any."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def queue(self, command: str, *arguments: str, **fields: Any) -> str:
        """Queue a job; its id."""
        definition = hodei.JobDefinition(command=command, arguments=list(arguments), **fields)
        with self.client() as client:
            answer = client.call(
                JobExecutionService.queue_job,
                hodei.QueueJobRequest(job_definition=definition, queued_by="tests"),
                timeout=30,
            )
        assert answer.job_id is not None
        return answer.job_id.value

    def wait(self, job: str, seconds: float = 60) -> hodei.GetJobResponse:
        """Watch a job until it ended; its last state."""
        request = hodei.GetJobRequest(job_id=hodei.JobId(value=job))
        with self.client() as client:
            states = list(client.stream(JobExecutionService.watch_job, request, timeout=seconds))
        return states[-1]

    def run(self, command: str, *arguments: str, **fields: Any) -> hodei.GetJobResponse:
        """Queue a job and wait for its end."""
        return self.wait(self.queue(command, *arguments, **fields))

    def output(self, job: str) -> bytes:
        """All output of a job that ended, byte by byte, both streams in order of arrival."""
        with self.client() as client:
            request = hodei.SubscribeLogsRequest(job_id=job, include_history=True)
            chunks = client.stream(LogStreamService.subscribe_log_chunks, request, timeout=60)
            return b"".join(each.data for each in chunks)

    def agents(self) -> list[int]:
        """The processes of workers of this platform that are alive."""
        markers = self.data_dir.glob("workers/*.json")
        pids = [json.loads(each.read_text()).get("pid") for each in markers]
        return [pid for pid in pids if pid and Path(f"/proc/{pid}").exists()]


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres for this session; without one the test is skipped, or fails where it is required."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), Tuning(fast=True))
    try:
        url = server.start()
    except EmbeddedPostgresError as error:
        if "postgres" in os.environ.get("HODEI_REQUIRE", "").split(","):
            raise
        pytest.skip(f"no Postgres here: {error}")
    yield url
    server.stop()


@contextmanager
def running(url: str, data_dir: Path, port: int = 0, **settings: str) -> Iterator[Platform]:
    """A server process on that database for as long as the context is open, or until a test kills it."""
    around = {k: v for k, v in os.environ.items() if not k.startswith("HODEI_") and k != "DATABASE_URL"}
    # Without byte code each worker would compile its imports again.
    around.pop("PYTHONDONTWRITEBYTECODE", None)
    ours = {
        "HODEI_DATABASE_URL": url,
        "HODEI_DATA_DIR": str(data_dir),
        "HODEI_PROCESS_MAX_WORKERS": str(MAX_WORKERS),
        "HODEI_DOCKER_ENABLED": "0",
        "HODEI_LOG_LEVEL": "debug",
    }
    ready, ready_there = os.pipe()
    owner_there, owner = os.pipe()
    with (data_dir / "server.log").open("ab") as log:
        process = subprocess.Popen(
            (
                *(sys.executable, "-P", "-m", "hodei_grpc.main", "--ephemeral", "--port", str(port)),
                *("--ready-fd", str(ready_there), "--owner-fd", str(owner_there)),
            ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(ready_there, owner_there),
            env={**around, **ours, **settings},
            start_new_session=True,
        )
    os.close(ready_there)
    os.close(owner_there)
    try:
        with os.fdopen(ready, "rb", buffering=0) as told:
            line = next_line(told, STARTS_WITHIN)  # a server may wait for its database for ever
        assert line, (data_dir / "server.log").read_text()
        address = f"127.0.0.1:{json.loads(line)['port']}"
        kept = data_dir / "token"
        token = kept.read_text().strip() if kept.exists() else ""  # in development mode there is none
        yield Platform(address, token, url, data_dir, process.pid)
    finally:
        os.close(owner)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


@contextmanager
def own_database(url: str, name: str) -> Iterator[str]:
    """An empty database of that name on the server of `url`."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    yield url.replace("/hodei?", f"/{name}?")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module")
def settings() -> Mapping[str, str]:
    """Variables of the server; a module may say its own."""
    return {}


@pytest.fixture(scope="module")
def platform(
    postgres_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    settings: Mapping[str, str],
) -> Iterator[Platform]:
    """One running platform for the tests of a module."""
    name = request.module.__name__.rsplit(".", 1)[-1]
    with (
        own_database(postgres_url, name) as url,
        running(url, tmp_path_factory.mktemp("data"), **settings) as found,
    ):
        yield found


@pytest.fixture
def make_database() -> Callable[..., AbstractContextManager[str]]:
    """For tests that want a database of their own: `make_database(postgres_url, name)`."""
    return own_database


@pytest.fixture
def run_server() -> Callable[..., AbstractContextManager[Platform]]:
    """For tests that start servers of their own: `run_server(url, data_dir, **variables)`."""
    return running
