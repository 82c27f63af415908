"""What developers type, and the names that older documents have for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = (
    *("dev", "dev-db", "dev-backend", "dev-frontend", "test", "test-backend", "test-frontend", "test-e2e"),
    *("check", "clean", "status", "clean-workers", "test-auto-provision", "watch-logs"),
)
FILES = (
    *("setup.sh", "dev.sh", "test.sh", "scripts/watch_logs.sh", "scripts/e2e/run-docker-e2e.sh"),
    *("DEVELOPMENT.md", "GETTING_STARTED.md", "CONTRIBUTING.md", "scripts/README.md"),
    *(f"docs/{page}.md" for page in ("architecture", "development", "use-cases", "workflows")),
)


def test_recipes_have_the_names_that_documents_give_them() -> None:
    just = Path(sys.executable).with_name("just")
    told = subprocess.run([just, "--summary"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {*RECIPES} <= {*told.stdout.split()}


def test_a_recipe_hands_each_argument_on() -> None:
    just = Path(sys.executable).with_name("just")
    asked = ["tests-e2e/docs/test_pages.py", "--collect-only", "-q", "-k", "first_commands or spanish"]
    told = subprocess.run([just, "test-e2e", *asked], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "test_the_first_commands" in told.stdout


@pytest.mark.parametrize("file", FILES)
def test_scripts_and_pages_have_the_names_that_documents_give_them(file: str) -> None:
    assert (ROOT / file).stat().st_size
    assert file.endswith(".md") or os.access(ROOT / file, os.X_OK)


def test_a_part_that_is_not_known_is_answered_with_those_that_are() -> None:
    done = subprocess.run([ROOT / "dev.sh", "everything"], capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert "./dev.sh frontend" in done.stderr


@pytest.fixture
def backend(machine: Any, wait_for_the_end: Any) -> Iterator[subprocess.Popen[bytes]]:
    """`./dev.sh backend` as in a terminal; Ctrl-C ends it with all that it started."""
    variables = {"HODEI_VENV": str(Path(sys.prefix)), "HODEI_STACK": "hodei-test-none"}
    process = subprocess.Popen(
        [ROOT / "dev.sh", "backend", "--port", "0"],
        env=machine.environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    yield process
    platform = machine.processes()
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    wait_for_the_end(platform)


def until(words: bytes, output: IO[bytes]) -> None:
    """Read on until a line has these words; the test's own time limit is the bound."""
    seen = []
    for line in output:
        seen.append(line)
        if words in line:
            return
    raise AssertionError(b"".join(seen).decode())


@pytest.mark.e2e
@pytest.mark.slow
def test_the_backend_starts_again_when_a_source_has_changed(
    machine: Any, backend: subprocess.Popen[bytes]
) -> None:
    assert backend.stdout is not None
    until(b"Ctrl-C stops it", backend.stdout)
    os.utime(ROOT / "packages/hodei-cli/src/hodei_cli/__init__.py")
    until(b"1 change detected", backend.stdout)
    until(b"Ctrl-C stops it", backend.stdout)
    assert machine.run("run", "--", "echo", "again").out == b"again\n"
