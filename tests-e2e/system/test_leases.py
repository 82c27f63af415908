"""Workers that cannot be reached, and servers: whose attempt it is, and what becomes of its output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hodei_grpc.methods import JobExecutionService
from hodei_proto.wire import hodei

LEASE = 4.0
CANCEL_BOUND = 5.0
PATIENCE = 60.0


@pytest.fixture(scope="module")
def settings() -> Mapping[str, str]:
    return {"HODEI_LEASE": f"{LEASE:g}s", "HODEI_DEV_MODE": "1"}


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The first true value of the condition. It is about other processes, which tell nobody: so we look."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds:g} s: {what}")


@contextmanager
def agent_by_hand(platform: Any, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An agent that no provider destroys, and its log in `place`."""
    place.mkdir()
    around = {k: v for k, v in os.environ.items() if not k.startswith("HODEI_")}
    around.pop("PYTHONDONTWRITEBYTECODE", None)
    ours = {
        "HODEI_SERVER": platform.address,
        "HODEI_OTP_TOKEN": "dev-test",
        "HODEI_WORKER_DIR": str(place / "scratch"),
        "HODEI_WORKER_NAME": place.name,
    }
    with (place / "log").open("wb") as log:
        agent = subprocess.Popen(
            (sys.executable, "-P", "-m", "hodei_worker"), env={**around, **ours}, stdout=log, stderr=log
        )
    try:
        until(lambda: "Waiting for jobs" in (place / "log").read_text(), "the agent is there")
        yield agent
    finally:
        agent.send_signal(signal.SIGCONT)
        agent.kill()
        agent.wait(30)


def cancel(platform: Any, job: str) -> None:
    request = hodei.CancelJobRequest(job_id=hodei.JobId(value=job), reason="enough")
    with platform.client() as client:
        client.call(JobExecutionService.cancel_job, request, timeout=10)


def agent_of(platform: Any, job: str) -> int:
    """The process of the provider's worker that holds the job."""
    [(worker,)] = platform.sql("SELECT worker_id FROM job_leases WHERE job_id = %s", job)
    marker = json.loads((platform.data_dir / "workers" / f"{worker}.json").read_text())
    return int(marker["pid"])


def log_of(platform: Any, job: str, attempt: int) -> bytes:
    rows = platform.sql(
        "SELECT data FROM job_log_chunks WHERE job_id = %s AND attempt = %s ORDER BY first_sequence",
        job,
        attempt,
    )
    return b"".join(bytes(data) for (data,) in rows)


@pytest.mark.e2e
def test_an_agent_that_stood_still_for_longer_than_its_lease_is_superseded(
    platform: Any, tmp_path: Path
) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    script = f"""
        echo "attempt $HODEI_ATTEMPT begins"
        touch {begun}$HODEI_ATTEMPT
        while [ ! -e {go}$HODEI_ATTEMPT ]; do sleep 0.02; done
        echo "attempt $HODEI_ATTEMPT ends"
        touch {tmp_path}/ended$HODEI_ATTEMPT
    """
    with agent_by_hand(platform, tmp_path / "sleeper") as agent:
        job = platform.queue(script)
        until((tmp_path / "begun1").exists, "the first attempt begins")
        until(lambda: log_of(platform, job, 1), "its first line is stored")
        agent.send_signal(signal.SIGSTOP)
        until((tmp_path / "begun2").exists, "another worker has begun the second attempt")
        (tmp_path / "go1").touch()  # nobody stops the first one: that is the window
        until((tmp_path / "ended1").exists, "the first one's process ends")
        agent.send_signal(signal.SIGCONT)
        agent.wait(PATIENCE)  # it has been given up, and finds nobody who would have its end
        told = (tmp_path / "sleeper" / "log").read_text()
        assert "came too late: superseded" in told or "The server refused this worker" in told
        assert platform.sql("SELECT state, attempt FROM jobs WHERE id = %s", job) == [("RUNNING", 2)]
        (tmp_path / "go2").touch()
        assert platform.wait(job).state == "SUCCEEDED"
    attempts = platform.sql("SELECT attempt, reason FROM job_attempts WHERE job_id = %s ORDER BY 1", job)
    assert attempts[0] == (1, "worker-lost")
    first, second = log_of(platform, job, 1), log_of(platform, job, 2)
    assert first.startswith(b"attempt 1 begins\nhodei: worker ")
    assert b"attempt 1 ends" not in first
    assert second == b"attempt 2 begins\nattempt 2 ends\n"


@pytest.mark.e2e
def test_a_worker_that_cannot_reach_its_server_stops_its_job_before_another_gets_it(
    postgres_url: str, tmp_path: Path, make_database: Any, run_server: Any
) -> None:
    beats = tmp_path / "beats"
    with (
        make_database(postgres_url, "no_split_brain") as url,
        run_server(url, tmp_path, HODEI_LEASE="4s") as found,
    ):
        job = found.queue(
            f"while :; do date +%s.%N > {beats}.new && mv {beats}.new {beats}; sleep 0.02; done"
        )
        until(beats.exists, "the job runs")
        os.kill(found.pid, signal.SIGSTOP)
        stopped_at = time.time()
        until(lambda: time.time() - float(beats.read_text()) > 1, "the job is dead", 2 * LEASE)
        assert float(beats.read_text()) - stopped_at < LEASE
        os.kill(found.pid, signal.SIGCONT)
        until(
            lambda: found.sql("SELECT 1 FROM jobs WHERE id = %s AND attempt = 2 AND state = 'RUNNING'", job),
            "it runs again",
        )
        cancel(found, job)
        assert found.wait(job).state == "CANCELLED"
        [first, *_] = found.sql(
            "SELECT reason, document FROM job_attempts WHERE job_id = %s ORDER BY attempt", job
        )
        assert first[0] == "worker-lost"
        assert "could not reach the server within its lease" in str(first[1])


@pytest.mark.e2e
def test_a_cancel_that_was_asked_while_the_worker_was_away_is_carried_out_when_it_returns(
    platform: Any, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    job = platform.queue(f"echo out; touch {begun}; sleep 600")
    until(begun.exists, "the job runs")
    agent = agent_of(platform, job)
    os.kill(agent, signal.SIGSTOP)
    cancel(platform, job)
    assert platform.sql("SELECT state FROM jobs WHERE id = %s", job) == [("RUNNING",)]
    os.kill(agent, signal.SIGCONT)
    ended = platform.wait(job)
    assert (ended.state, ended.reason) == ("CANCELLED", "cancelled")
    [(document,)] = platform.sql("SELECT document FROM job_attempts WHERE job_id = %s", job)
    assert document["result"]["signal"] == signal.SIGTERM  # its own end, told by the worker


@pytest.mark.e2e
def test_a_cancel_that_the_worker_never_hears_ends_the_job_within_grace_and_bound(
    postgres_url: str, tmp_path: Path, make_database: Any, run_server: Any
) -> None:
    grace = 1.0
    with (
        make_database(postgres_url, "unheard_cancel") as url,
        run_server(url, tmp_path) as found,  # a lease of 45 s: it is not what ends the job
    ):
        begun = tmp_path / "begun"
        job = found.queue(
            f"echo $$ > {begun}.new; mv {begun}.new {begun}; exec sleep 600",
            timeout=hodei.TimeoutConfig(cleanup_timeout=timedelta(seconds=grace)),
        )
        until(begun.exists, "the job runs")
        os.kill(agent_of(found, job), signal.SIGSTOP)
        asked_at = time.monotonic()
        cancel(found, job)
        assert found.wait(job).state == "CANCELLED"
        assert time.monotonic() - asked_at < grace + CANCEL_BOUND + 3
        pid = int(begun.read_text())
        until(lambda: not Path(f"/proc/{pid}").exists(), "its process is gone with its worker", 20)


@pytest.mark.e2e
def test_an_end_that_only_a_dead_agents_disk_knew_is_the_jobs_end(
    postgres_url: str, tmp_path: Path, make_database: Any, run_server: Any
) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    script = f"seq 1 1000; touch {begun}; while [ ! -e {go} ]; do sleep 0.02; done; seq 1001 3000; exit 3"
    with make_database(postgres_url, "last_words") as url:
        with run_server(url, tmp_path) as first:
            job = first.queue(script)
            until(begun.exists, "the job runs")
            agent = agent_of(first, job)
            os.kill(first.pid, signal.SIGKILL)
            go.touch()
            spool = tmp_path / "workers"
            until(
                lambda: any(
                    b'"exit_code": 3' in each.read_bytes() for each in spool.glob("*/agent-*/spool/*")
                ),
                "the end is on the agent's disk",
            )
            os.kill(agent, signal.SIGKILL)
        port = int(first.address.rsplit(":", 1)[1])
        with run_server(url, tmp_path, port) as second:
            ended = second.wait(job)
            assert (ended.state, ended.reason) == ("FAILED", "exit")
            assert second.output(job) == b"".join(b"%d\n" % n for n in range(1, 3001))
            assert second.sql("SELECT attempt FROM jobs WHERE id = %s", job) == [(1,)]
            assert second.run("true").state == "SUCCEEDED"
    assert "Traceback" not in (tmp_path / "server.log").read_text()
