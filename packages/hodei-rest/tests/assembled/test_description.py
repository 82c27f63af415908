"""The description is true: what it allows is answered as it says, what it forbids is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.e2e, pytest.mark.slow]

# A description cannot say everything that is refused: a text with NUL, a name that is taken.
NOT_ASKED = "positive_data_acceptance"


def test_requests_made_from_the_description_are_answered_as_it_says(start: Any, tmp_path: Path) -> None:
    start("hodei_grpc.main", "--port", "0", "--no-banner", "--ephemeral", HODEI_PROCESS_MAX_WORKERS="2")
    here = start("hodei_rest.main", "--port", "0")
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("run", f"http://{here.told['rest']}/api/v1/openapi.json"),
            *("--url", f"http://{here.told['rest']}"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--max-time", "12"),
            *("--exclude-path-regex", "/events$|/live$|/test$", "--exclude-checks", NOT_ASKED),
            *("--request-timeout", "20", "--generation-database", "none", "--no-color", "--warnings", "off"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
