"""The calls that the getting-started page shows, made by a reflection client that knows nothing of us.

Each test is a step of the page, with the bodies as they stand there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bounded import next_line

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HERE = Path(__file__).parent
SIX = {
    "hodei.JobExecutionService",
    "hodei.LogStreamService",
    "hodei.MetricsService",
    "hodei.ProviderManagementService",
    "hodei.SchedulerService",
    "hodei.WorkerAgentService",
}
LONG = 'for i in 1 2 3 4 5; do echo "Processing step $i of 5..."; sleep 2; done; echo "All steps completed!"'
QUEUE = "hodei.JobExecutionService/QueueJob"
STATUS = "hodei.JobExecutionService/GetJobStatus"
SUBSCRIBE = "hodei.LogStreamService/SubscribeLogs"

Json = dict[str, Any]


@pytest.fixture(scope="module")
def address(shared_machine: Any) -> str:
    """One platform for all steps, as on the page: the server's program, in development mode."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = shared_machine.serve("hodei_grpc.main", HODEI_DEV_MODE="1", GRPC_PORT=str(port))
    said = until(server, "AuditService")
    assert f"Starting server on 127.0.0.1:{port}" in said
    assert "✓ WorkerAgentService (with OTP authentication)" in said
    assert "✓ JobExecutionService" in said
    assert "✓ SchedulerService" in said
    return f"localhost:{port}"


def until(process: subprocess.Popen[bytes], word: str, stream: str = "stdout") -> str:
    """What a program printed up to the line with that word."""
    seen = ""
    while word not in seen:
        line = next_line(getattr(process, stream)).decode()
        assert line, (seen, process.communicate(timeout=60))
        seen += line
    return seen


class Client:
    """The reflection client, at one server."""

    def __init__(self, program: str, address: str) -> None:
        self._program = program
        self.address = address

    def start(self, what: str, body: Json | None = None) -> subprocess.Popen[str]:
        """Begin a call, or ask by reflection."""
        given = ["-d", json.dumps(body)] if body is not None else []
        command = [self._program, "-plaintext", *given, self.address, what]
        # A group of its own: the client may be a script that starts another program.
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def text(self, what: str, body: Json | None = None) -> str:
        """What the client prints."""
        process = self.start(what, body)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err or out
        return out

    def call(self, method: str, body: Json | None = None) -> Json:
        """The answer of a call."""
        (answer,) = objects(self.text(method, body))
        return answer

    def queue(self, **definition: Any) -> str:
        """Queue a job as the page does, with an id of the client's own. Return the id."""
        id = str(uuid.uuid4())
        body = {"job_definition": {"job_id": {"value": id}, **definition}, "queued_by": "developer"}
        assert self.call(QUEUE, body)["success"] is True
        return id

    def ended(self, id: str) -> Json:
        """The job's status after its end, which is when the stream of its output ends."""
        self.text(SUBSCRIBE, {"job_id": id, "include_history": True})
        return self.call(STATUS, {"job_id": {"value": id}})

    def lines(self, id: str) -> list[str]:
        """The job's whole output."""
        text = self.text(SUBSCRIBE, {"job_id": id, "include_history": True, "tail_lines": 100})
        return [each["line"] for each in objects(text)]


def objects(text: str) -> Iterator[Json]:
    """The JSON objects that stand one behind the other in a text."""
    decoder, text = json.JSONDecoder(), text.lstrip()
    while text:
        found, end = decoder.raw_decode(text)
        yield found
        text = text[end:].lstrip()


@pytest.fixture
def client(grpcurl: str, address: str) -> Client:
    return Client(grpcurl, address)


def test_2_2_the_services_are_listed_by_reflection(client: Client) -> None:
    assert set(client.text("list").split()) >= SIX


def test_2_3_providers_are_listed_in_plain_words(client: Client) -> None:
    text = client.text("hodei.ProviderManagementService/ListProviders")
    assert '"enabled": true' in text
    assert '"name": "' in text
    assert '"type": "' in text


def test_2_4_a_worker_can_be_started_by_hand_in_development_mode(client: Client, shared_machine: Any) -> None:
    worker = shared_machine.start_program(
        "hodei_worker.main", HODEI_OTP_TOKEN="dev-test", HODEI_SERVER=f"http://{client.address}"
    )
    said = until(worker, "Waiting for jobs", "stderr")
    assert "Registered" in said
    assert "Connected to server" in said
    worker.terminate()
    worker.communicate(timeout=60)
    assert worker.returncode == 0


def test_3_1_and_3_2_a_job_is_queued_and_its_status_asked(client: Client) -> None:
    id = client.queue(name="Hello World Job", command="echo", arguments=["Hello from Hodei!"])
    status = client.ended(id)
    assert status["status"] == "COMPLETED"
    assert client.lines(id) == ["Hello from Hodei!"]


def test_3_2_the_status_is_there_from_the_first_moment_on(client: Client) -> None:
    id = client.queue(name="Hello World Job", command="echo", arguments=["Hello from Hodei!"])
    assert client.call(STATUS, {"job_id": {"value": id}})["status"] in {
        "PENDING",
        "ASSIGNED",
        "RUNNING",
        "COMPLETED",
    }


def test_3_3_environment_variables_reach_the_job(client: Client) -> None:
    id = client.queue(
        name="Environment Variables Job",
        command="sh",
        arguments=["-c", 'echo "User: $MY_USER, Mode: $MY_MODE"'],
        environment={"MY_USER": "developer", "MY_MODE": "production"},
    )
    assert client.lines(id) == ["User: developer, Mode: production"]


def test_3_4_3_7_and_5_1_a_long_job_is_followed_live_and_cancelled(client: Client) -> None:
    id = client.queue(name="Long Running Job", command="sh", arguments=["-c", LONG])
    follower = client.start(SUBSCRIBE, {"job_id": id, "include_history": True, "tail_lines": 100})
    assert follower.stdout is not None
    seen = ""
    while "Processing step 1 of 5..." not in seen:
        line = next_line(follower.stdout.buffer).decode()
        assert line, follower.communicate(timeout=60)
        seen += line
    answer = client.call(
        "hodei.JobExecutionService/CancelJob",
        {"job_id": {"value": id}, "reason": "User requested cancellation"},
    )
    assert answer["success"] is True
    follower.communicate(timeout=60)  # it ends with the job
    assert client.call(STATUS, {"job_id": {"value": id}})["status"] == "CANCELLED"


def test_3_5_a_failing_job_says_so(client: Client) -> None:
    id = client.queue(name="Failing Job", command="sh", arguments=["-c", 'echo "Starting..."; exit 1'])
    status = client.ended(id)
    assert (status["status"], status["exitCode"]) == ("FAILED", 1)
    assert client.lines(id) == ["Starting..."]


def test_3_6_a_job_that_takes_too_long_times_out(client: Client) -> None:
    id = client.queue(name="Timeout Test Job", command="sleep", arguments=["300"], timeout={"seconds": 5})
    assert client.ended(id)["status"] == "TIMEOUT"


def test_3_8_jobs_in_parallel_all_end_well(client: Client) -> None:
    ids = [
        client.queue(
            name=f"Parallel Job {n}",
            command="sh",
            arguments=["-c", f'echo "Job {n} started"; sleep 1; echo "Job {n} done"'],
        )
        for n in (1, 2, 3)
    ]
    for n, id in enumerate(ids, 1):
        assert client.lines(id) == [f"Job {n} started", f"Job {n} done"]
        assert client.call(STATUS, {"job_id": {"value": id}})["status"] == "COMPLETED"


def test_5_2_the_output_of_an_ended_job_is_read_in_pages(client: Client) -> None:
    id = client.queue(name="Lines", command="seq", arguments=["60"])
    client.ended(id)
    first = client.call("hodei.LogStreamService/GetLogs", {"job_id": id, "limit": 50})
    assert [each["line"] for each in first["entries"]] == [str(n) for n in range(1, 51)]
    assert first["hasMore"] is True


def test_5_3_and_5_4_the_queue_and_the_free_workers_are_told(client: Client) -> None:
    client.ended(client.queue(name="One", command="true"))
    queue = client.call("hodei.SchedulerService/GetQueueStatus", {"scheduler_name": "default"})
    assert queue["status"]["completedJobs"] >= 1
    workers = client.call("hodei.SchedulerService/GetAvailableWorkers", {"scheduler_name": "default"})
    assert workers["workers"][0]["workerId"]["value"]


def test_metrics_are_streamed_added_up_and_told_one_by_one(client: Client) -> None:
    id = client.queue(name="Busy", command="sleep", arguments=["60"])
    stream = client.start("hodei.MetricsService/StreamMetrics", {"interval": "1s"})
    try:
        assert stream.stdout is not None
        text = ""
        while not text.endswith("\n}\n"):
            line = stream.stdout.readline()
            assert line, stream.communicate()[1]
            text += line
        [sample] = objects(text)
    finally:
        os.killpg(stream.pid, signal.SIGKILL)
        stream.communicate()
    worker = sample["metrics"]["workerId"]
    assert sample["metrics"]["memory"]["usedBytes"]
    client.call("hodei.JobExecutionService/CancelJob", {"job_id": {"value": id}})
    client.ended(id)
    told = client.call("hodei.MetricsService/GetAggregatedMetrics", {"worker_id": worker})
    assert told["workerId"] == worker
    series = client.call("hodei.MetricsService/GetTimeSeriesMetrics", {"worker_id": worker})
    assert series["workerId"] == worker
    assert "jobsByState" in client.call("hodei.MetricsService/GetJobMetrics", {"range": "1h"})


def test_section_5_the_whole_way_in_one_script(grpcurl: str, address: str) -> None:
    variables = {"SERVER": address, "GRPCURL": grpcurl, "PAUSE": "0.1"}
    done = subprocess.run(
        [HERE / "e2e.sh"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "completed" in done.stdout
