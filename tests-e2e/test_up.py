"""`hodei up`: the platform stays, other commands find it, and what it knows outlives it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

IMPORTED = """
import sys
from hodei_cli.main import main
try:
    main({words})
finally:
    print({{"litestar", "uvicorn"}} & {{*sys.modules}})
"""
Wait = Callable[[Iterable[int]], None]


def test_commands_find_it_and_ctrl_c_ends_it(machine: Any, wait_for_the_end: Wait) -> None:
    machine.up()
    assert machine.run("run", "--", "echo", "hello") == (0, b"hello\n", b"")
    (job,) = json.loads(machine.run("job", "list", "--output", "json").out)
    assert (job["name"], job["state"], job["exit_code"]) == ("echo", "SUCCEEDED", 0)
    assert machine.run("logs", "get", job["id"]).out == b"hello\n"
    assert machine.run("logs", "follow", job["id"]).out == b"hello\n"
    assert machine.run("doctor").status == 0
    platform = machine.processes()
    assert platform
    machine.interrupt()
    wait_for_the_end(platform)


def test_jobs_and_output_outlive_it(machine: Any) -> None:
    machine.up()
    id = machine.run("run", "--detach", "--shell", "echo kept").out.decode().strip()
    assert machine.run("job", "watch", id).status == 0
    machine.interrupt()
    machine.up()
    assert machine.run("logs", "get", id).out == b"kept\n"
    assert json.loads(machine.run("job", "get", id, "-o", "json").out)["state"] == "SUCCEEDED"


def test_a_second_one_on_the_same_data_is_refused_in_words(machine: Any) -> None:
    address = machine.up()
    done = machine.run("up", "--port", "0")
    assert done.status == 69
    assert f"runs already, at {address}".encode() in done.err
    assert b"Traceback" not in done.err


def test_a_port_that_is_taken_is_named(machine: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = machine.run("up", "--port", str(port))
    assert done.status == 69
    assert str(port).encode() in done.err
    assert b"Traceback" not in done.err


def test_a_port_of_the_dashboard_that_is_taken_is_named_with_its_variable(machine: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = machine.run("up", "--port", "0", HODEI_REST_PORT=port)
    assert done.status == 69
    assert port.encode() in done.err
    assert b"HODEI_REST_PORT" in done.err
    assert b"Traceback" not in done.err
    assert not machine.processes()


def test_it_says_where_the_dashboard_is_and_serves_it_there(machine: Any) -> None:
    machine.up()
    told = json.loads((machine.place / "server.json").read_text())
    with urllib.request.urlopen(f"http://{told['rest']}/health", timeout=30) as answer:
        assert json.loads(answer.read()) == {"status": "ok", "live": True, "ready": True}
    with urllib.request.urlopen(f"http://{told['rest']}/", timeout=30) as page:
        assert b"Hodei" in page.read()


def test_a_private_server_serves_no_rest_and_short_commands_import_none(machine: Any) -> None:
    for words in (["--help"], ["run", "--", "true"]):
        done = subprocess.run(
            [sys.executable, "-c", IMPORTED.format(words=words)],
            env=machine.environment(),
            capture_output=True,
            timeout=60,
        )
        assert done.stdout.endswith(b"set()\n"), done
    assert not list(machine.place.glob("server.json"))


def test_a_wrong_variable_is_named(machine: Any) -> None:
    done = machine.run("up", HODEI_LOG_LEVEL="loud", HODEI_PROVISIONING="1")
    assert done.status == 64
    assert b"HODEI_LOG_LEVEL" in done.err
    assert b"HODEI_PROVISIONING" in done.err


def test_with_tokens_strangers_are_refused_and_our_own_commands_are_not(machine: Any) -> None:
    address = machine.up(HODEI_DEV_MODE="0")
    assert machine.run("job", "list").status == 0
    done = machine.run("job", "list", "--server", address, "--token", "wrong")
    assert done.status == 77
    assert done.err.count(b"\n") <= 2


def test_the_database_can_be_upgraded_by_itself(machine: Any) -> None:
    assert machine.run("db", "upgrade").status == 0
    assert machine.run("db", "upgrade").status == 0


@pytest.fixture(scope="module")
def platform(shared_machine: Any) -> Any:
    shared_machine.up()
    return shared_machine


def test_a_job_is_cancelled_by_its_id(platform: Any) -> None:
    id = platform.run("job", "queue", "--", "sleep", "1000").out.decode().strip()
    assert platform.run("job", "cancel", id).status == 0
    assert platform.run("job", "cancel", id).status == 0
    assert platform.run("job", "watch", id).status == 1
    assert json.loads(platform.run("job", "get", id, "-o", "json").out)["state"] == "CANCELLED"


def test_a_job_is_run_again_with_another_environment(platform: Any) -> None:
    first = platform.run("job", "queue", "-e", "WORD=one", "--shell", "echo $WORD").out.decode().strip()
    platform.run("job", "watch", first)
    second = platform.run("job", "retry", first, "-e", "WORD=two").out.decode().strip()
    assert second != first
    assert platform.run("logs", "follow", second).out == b"two\n"
    assert json.loads(platform.run("job", "get", second, "-o", "json").out)["rerun_of"] == first


def test_the_same_key_is_the_same_job(platform: Any) -> None:
    ids = {platform.run("job", "queue", "--key", "once", "--", "true").out for _ in range(3)}
    assert len(ids) == 1
    assert platform.run("job", "queue", "--key", "once", "--", "false").status == 65


@pytest.mark.parametrize(
    "words", [["job", "get"], ["logs", "get"], ["logs", "follow"], ["job", "cancel"], ["job", "retry"]]
)
def test_what_is_not_there_is_66(words: list[str], platform: Any) -> None:
    done = platform.run(*words, "00000000-0000-7000-8000-000000000000")
    assert (done.status, done.out) == (66, b"")


@pytest.mark.parametrize("words", [["job", "get", ""], ["run", "--cpu", "5000", "--", "true"]])
def test_what_makes_no_sense_is_64(words: list[str], platform: Any) -> None:
    done = platform.run(*words)
    assert (done.status, done.out) == (64, b"")


def test_workers_providers_and_the_queue_are_shown(platform: Any) -> None:
    assert platform.run("run", "--", "true").status == 0
    (worker, *_) = json.loads(platform.run("worker", "list", "-o", "json").out)
    assert json.loads(platform.run("worker", "get", worker["id"], "-o", "json").out)["id"] == worker["id"]
    (provider,) = json.loads(platform.run("provider", "list", "-o", "json").out)
    assert json.loads(platform.run("provider", "get", provider["name"], "-o", "json").out)["healthy"] is True
    assert json.loads(platform.run("scheduler", "queue-status", "-o", "json").out)["succeeded"] >= 1
    assert platform.run("scheduler", "workers").status == 0
    assert platform.run("worker", "drain", worker["id"]).status == 0


def test_a_provider_is_switched_off_and_on(platform: Any) -> None:
    (provider,) = json.loads(platform.run("provider", "list", "-o", "json").out)
    assert platform.run("provider", "disable", provider["name"]).status == 0
    assert json.loads(platform.run("provider", "list", "-o", "json").out)[0]["enabled"] is False
    assert platform.run("provider", "enable", provider["name"]).status == 0
    assert platform.run("run", "--", "true").status == 0


def test_the_scheduler_is_changed(platform: Any) -> None:
    assert platform.run("scheduler", "config", "--worker-strategy", "LeastLoaded").status == 0


def test_the_history_of_a_job_is_told_in_order(platform: Any) -> None:
    id = platform.run("job", "queue", "--", "true").out.decode().strip()
    platform.run("job", "watch", id)
    events = [each["event"] for each in json.loads(platform.run("audit", "list", id, "-o", "json").out)]
    events = [event for event in events if event != "JobProvisioning"]  # where no worker was idle
    assert events == ["JobCreated", "JobAssigned", "JobStatusChanged", "JobStatusChanged"]
