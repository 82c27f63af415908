"""hodei-rest as a program of its own beside hodei-server: what runs there is seen and stopped here."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import Any

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.e2e, pytest.mark.slow]

COUNT = "import time\nfor n in range({lines}): print(n, flush=True); time.sleep({pause})"


def submit(rest: Any, *command: str, **spec: Any) -> str:
    answer = rest.post("/api/v1/jobs", json={"spec": {"command": command, **spec}})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def python(lines: int, pause: float) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", COUNT.format(lines=lines, pause=pause))


def follow(rest: Any, path: str, **headers: str) -> Any:
    """Events of a stream: name, id, data."""
    headers = {"accept": "text/event-stream"} | headers
    with rest.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        told: dict[str, str] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if line and name:
                told[name] = value
            elif "event" in told:
                yield told["event"], told.get("id", ""), json.loads(told["data"])
                told = {}


def test_jobs_run_there_and_are_seen_here(pair: Any) -> None:
    _, here = pair
    id = submit(here.rest, *python(lines=40, pause=0.02))
    read: list[str] = []
    for name, _, told in follow(here.rest, f"/api/v1/jobs/{id}/logs"):
        if name == "lines":
            read += told["lines"]
    assert read == [str(number) for number in range(40)]
    job = here.rest.get(f"/api/v1/jobs/{id}").json()
    assert (job["state"], job["provider"], job["exit_code"]) == ("SUCCEEDED", "process", 0)
    assert [each["phase"] for each in here.rest.get(f"/api/v1/jobs/{id}/timeline").json()][-1] == "running"
    assert here.rest.get(f"/api/v1/jobs/{id}/logs/download").text == "".join(f"{n}\n" for n in range(40))


def test_a_cancel_from_here_reaches_the_worker_there(pair: Any) -> None:
    _, here = pair
    id = submit(here.rest, "sh", "-c", "echo ready; sleep 600")
    for name, _, _ in follow(here.rest, f"/api/v1/jobs/{id}/logs"):
        if name == "lines":
            assert here.rest.post(f"/api/v1/jobs/{id}/cancel").status_code == 200
    assert here.rest.get(f"/api/v1/jobs/{id}").json()["state"] == "CANCELLED"


def test_events_of_the_server_are_told_here_and_resumed(pair: Any) -> None:
    _, here = pair
    events = follow(here.rest, "/api/v1/events?type=JobCreated&type=JobStatusChanged")
    assert next(events)[0] == "hello"
    id = submit(here.rest, "true")
    seen = []
    for name, place, told in events:
        seen.append((name, place))
        if told["payload"].get("new_state") == "SUCCEEDED":
            break
    events.close()
    assert [name for name, _ in seen] == ["JobCreated", "JobStatusChanged", "JobStatusChanged"]
    again = follow(
        here.rest, f"/api/v1/events?job={id}&type=JobStatusChanged", **{"last-event-id": seen[0][1]}
    )
    assert next(again)[0] == "hello"
    assert [next(again)[:2], next(again)[:2]] == seen[1:]
    again.close()


def test_it_leads_nothing_has_no_workers_and_knows_of_the_other(pair: Any) -> None:
    server, here = pair
    told = here.rest.get("/api/v1/system").json()
    assert told["database"]["ok"] is True
    assert told["leader"].endswith(f":{server.told['pid']}")
    assert [each["name"] for each in told["providers"]] == ["process"]
    assert here.rest.get("/api/v1/providers/process/health").json()["healthy"] is True
    refused = here.rest.post("/api/v1/providers/test", json={"name": "x", "type": "DOCKER"})
    assert (refused.status_code, refused.json()["code"]) == (503, "provider.no-trial")
    wrong = {"name": "x", "type": "DOCKER", "config": {"socket_path": "nonsense"}}
    answer = here.rest.post("/api/v1/providers", json=wrong)
    assert [each["field"] for each in answer.json()["errors"]] == ["config.socket_path"]


def test_why_a_job_waits_is_not_blamed_on_who_is_asked(pair: Any) -> None:
    _, here = pair
    id = submit(here.rest, "true", resources={"gpu": 512})
    reasons = [each["reason"] for each in here.rest.get(f"/api/v1/jobs/{id}").json()["pending_reasons"]]
    assert reasons
    assert not any("control plane" in reason for reason in reasons)


def test_it_stops_at_once_although_somebody_follows_a_job(pair: Any) -> None:
    _, here = pair
    id = submit(here.rest, "sh", "-c", "echo ready; sleep 600")
    events = follow(here.rest, f"/api/v1/jobs/{id}/logs")
    while next(events)[0] != "lines":
        pass
    here.process.terminate()
    assert [name for name, _, _ in events] == []  # the stream ends, and does not say that the job did
    assert here.process.wait(30) == 0


def test_two_of_them_may_run(start: Any, pair: Any) -> None:
    _, here = pair
    other = start("hodei_rest.main", "--port", "0")
    id = submit(here.rest, "echo", "hello")
    lines = [
        told["lines"] for name, _, told in follow(other.rest, f"/api/v1/jobs/{id}/logs") if name == "lines"
    ]
    assert lines == [["hello"]]


def alone(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "hodei_rest.main", *arguments],
        env={"PATH": "/usr/bin", "HOME": "/nonexistent", **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_a_database_to_serve_beside_it_says_what_to_set() -> None:
    done = alone()
    assert (done.returncode, "HODEI_DATABASE_URL" in done.stderr) == (64, True)
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_named_with_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = alone("--port", port, HODEI_DATABASE_URL="postgresql://127.0.0.1:1/x", HODEI_DEV_MODE="1")
    assert done.returncode == 69
    assert "HODEI_REST_PORT" in done.stderr
    assert port in done.stderr
    assert "Traceback" not in done.stderr


def test_in_development_mode_it_does_not_listen_for_other_machines() -> None:
    variables = {"HODEI_DATABASE_URL": "postgresql://127.0.0.1:1/x", "HODEI_DEV_MODE": "1"}
    done = alone("--bind", "0.0.0.0", "--port", "0", **variables)
    assert (done.returncode, "HODEI_BIND" in done.stderr) == (69, True)
