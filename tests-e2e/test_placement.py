"""A job never runs where it was not asked for, and it is said at once when and why it cannot run."""

from __future__ import annotations

import json
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
    assert (told["state"], told["waiting_for"]) == ("PENDING", {"process": why})
    refused = machine.run("provider", "enable", "process")
    assert refused.status == 65
    assert variable.encode() in refused.err
    machine.interrupt()
    machine.up()
    assert machine.run("job", "watch", id).status == 0


def test_a_provider_that_there_is_not_is_refused_with_those_that_there_are(shared_machine: Any) -> None:
    shared_machine.up()
    refused = shared_machine.run("run", "--provider", "nosuch", "--", "id")
    assert (refused.status, refused.out) == (64, b"")
    assert b"there is no provider 'nosuch'; there are process" in refused.err
