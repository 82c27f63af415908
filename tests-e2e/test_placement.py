"""A job never runs where it was not asked for, and it is said at once when and why it cannot run."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def job_of(machine: Any, id: str) -> Any:
    return json.loads(machine.run("job", "get", id, "-o", "json").out)


@pytest.mark.parametrize("variable", ["HODEI_PROCESS_ENABLED", "HODEI_PROVISIONING_ENABLED"])
def test_what_is_switched_off_gets_no_jobs_though_its_row_is_there(machine: Any, variable: str) -> None:
    machine.up()
    assert machine.run("run", "--", "true").status == 0
    machine.interrupt()
    machine.up(**{variable: "0"})
    why = f"is switched off by {variable} on its server"
    assert f"not from process: it {why}" in machine.greeting
    id = machine.run("run", "--detach", "--", "true").out.decode().strip()
    [process] = json.loads(machine.run("provider", "list", "-o", "json").out)
    assert (process["enabled"], process["status"], process["message"]) == (False, "DISABLED", why)
    told = job_of(machine, id)
    assert (told["state"], told["waiting_for"]["process"]) == ("PENDING", why)
    refused = machine.run("provider", "enable", "process")
    assert refused.status == 65
    assert variable.encode() in refused.err
    machine.interrupt()
    machine.up()
    assert machine.run("job", "watch", id).status == 0


@pytest.fixture(scope="module")
def platform(shared_machine: Any) -> Any:
    shared_machine.up()
    return shared_machine


def test_a_provider_that_there_is_not_is_refused_with_those_that_there_are(platform: Any) -> None:
    refused = platform.run("run", "--provider", "nosuch", "--", "id")
    assert (refused.status, refused.out) == (64, b"")
    assert b"there is no provider 'nosuch'; there are process" in refused.err


def test_what_nobody_can_serve_is_said_at_once_and_its_timeout_names_the_reason(platform: Any) -> None:
    words = ("run", "--memory", "999Gi", "--queue-timeout", "4s", "--", "true")
    done = platform.run(*words)
    assert (done.status, done.out) == (124, b"")
    first, last = done.err.decode().splitlines()
    assert re.match(
        r"hodei: waiting since [\d:]+, until [\d:]+: no provider can serve it, and it waits until one can: ",
        first,
    )
    assert "process: gives at most" in first
    assert "timed out (timeout:queue)" in last
    assert "process: gives at most" in last
    [job] = json.loads(platform.run("job", "list", "-o", "json").out)
    assert "process: gives at most" in job_of(platform, job["id"])["message"]


def test_a_label_that_nobody_has_is_said_when_the_job_is_queued(platform: Any) -> None:
    queued = platform.run("job", "queue", "--require", "zone=moon", "--", "true")
    assert queued.status == 0
    assert b"its label zone is absent" in queued.err
    assert platform.run("job", "cancel", queued.out.decode().strip()).status == 0


def test_place_and_price_come_from_settings_and_from_the_command_line(machine: Any) -> None:
    machine.up(HODEI_PROVIDER_REGION="eu", HODEI_PROVIDER_COST="2")
    words = ("run", "--region", "eu", "--max-budget", "1", "--timeout", "10m", "--", "echo", "cheap")
    assert machine.run(*words).out == b"cheap\n"
    queued = machine.run("job", "queue", "--max-budget", "1", "--", "true")
    assert b"process: costs 2 an hour, and the job's budget is 1 an hour" in queued.err
    told = json.loads(
        machine.run("provider", "set", "process", "--cost", "0.5", "--label", "disk=ssd", "-o", "json").out
    )
    assert (told["region"], told["cost_per_hour"], told["labels"]) == ("eu", 0.5, {"disk": "ssd"})
    assert machine.run("job", "watch", queued.out.decode().strip()).status == 0
    assert machine.run("run", "--require", "disk=ssd", "--", "echo", "here").out == b"here\n"
