"""Packages as they were at a commit, for tests of one release beside another."""

from __future__ import annotations

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hodei-domain", "hodei-application", "hodei-infrastructure", "hodei-grpc", "hodei-worker")


def sources_of(commit: str, into: Path) -> tuple[Path, ...]:
    """The source directories of the packages at that commit; skips where its history is not there."""
    wanted = ("proto/src", *(f"packages/{name}/src" for name in PACKAGES))
    try:
        done = subprocess.run(
            ("git", "-C", ROOT, "archive", commit, *wanted), capture_output=True, check=True, timeout=60
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"the history of this checkout does not reach back to {commit}")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(into, filter="data")
    return tuple(into / each for each in wanted)
