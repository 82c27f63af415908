"""The curl commands of the getting-started page's section on REST, as they stand there.

The port alone is another: 3000 may be taken on the machine that runs the tests.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HEALTH = "curl -s http://127.0.0.1:3000/health | jq"
CREATE = """curl -s -X POST http://127.0.0.1:3000/api/v1/jobs \\
  -H 'content-type: application/json' \\
  -d '{
    "spec": {
      "command": ["echo", "hello"],
      "env": {"DEBUG": "true"},
      "timeout_ms": 10000
    },
    "correlation_id": "manual-test"
  }' | jq"""
STATUS = """JOB_ID="<job_id_uuid>"
curl -s http://127.0.0.1:3000/api/v1/jobs/$JOB_ID | jq"""
CANCEL = "curl -s -X POST http://127.0.0.1:3000/api/v1/jobs/$JOB_ID/cancel | jq"
PROVIDERS = "curl -s http://127.0.0.1:3000/api/v1/providers | jq"


class Page:
    """Runs a page's commands against one server."""

    def __init__(self, port: str) -> None:
        self._port = port

    def run(self, command: str, job: str = "") -> Any:
        command = command.replace(":3000", f":{self._port}").replace("<job_id_uuid>", job)
        if shutil.which("jq") is None:
            command = command.replace(" | jq", "")
        done = subprocess.run(
            ["bash", "-c", f"set -euo pipefail; JOB_ID={job}; {command}"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def page(shared_machine: Any, need: Any) -> Page:
    need("curl", shutil.which("curl"), "curl is not installed")
    shared_machine.up()
    state = json.loads((shared_machine.place / "server.json").read_text())
    return Page(state["rest"].rpartition(":")[2])


def test_health_is_asked(page: Page) -> None:
    assert page.run(HEALTH) == {"status": "ok", "live": True, "ready": True}


def test_a_job_is_created_its_status_asked_and_it_is_cancelled(page: Page) -> None:
    created = page.run(CREATE)
    assert created["correlation_id"] == "manual-test"
    assert created["spec"]["command"] == ["echo", "hello"]
    assert (created["spec"]["env"], created["spec"]["timeout_ms"]) == ({"DEBUG": "true"}, 10000)
    told = page.run(STATUS, created["id"])
    assert told["id"] == created["id"]
    assert told["state"] in {"PENDING", "SCHEDULED", "RUNNING", "SUCCEEDED"}
    ended = page.run(CANCEL, created["id"])  # the job or, when it was quicker, why not
    assert ended.get("code", "job.illegal-move") == "job.illegal-move"
    waiting = page.run(CREATE.replace('["echo", "hello"]', '["sleep", "600"]'))
    cancelled = page.run(CANCEL, waiting["id"])
    assert cancelled["cancel_requested"] is True or cancelled["state"] == "CANCELLED"


def test_providers_are_listed_and_shown(page: Page) -> None:
    (provider,) = page.run(PROVIDERS)
    assert (provider["name"], provider["enabled"]) == ("process", True)
    assert page.run(PROVIDERS.replace("providers", f"providers/{provider['id']}"))["id"] == provider["id"]
    new = """curl -s -X POST http://127.0.0.1:3000/api/v1/providers -H 'content-type: application/json' \\
      -d '{"name": "far", "type": "DOCKER", "config": {"socket_path": "tcp://127.0.0.1:1"}}' | jq"""
    assert page.run(new)["name"] == "far"
