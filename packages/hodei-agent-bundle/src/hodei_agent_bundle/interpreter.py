"""Run one of this package's scripts in a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from hodei_agent_bundle.bundle import BundleUnavailable

PATIENCE_SECONDS = 120.0


def loader_settings() -> dict[str, str]:
    """What some interpreters need to find their own library: all that our programs get of our environment."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


def run_script(name: str, given: object, *options: str) -> str:
    """Start `name`.py beside this file with the given as JSON; return what it wrote.

    The script sees nothing else of our environment; hashes are the same in each run. Raise BundleUnavailable
    with its last words if it fails.
    """
    script = Path(__file__).with_name(f"{name}.py")
    try:
        done = subprocess.run(
            [sys.executable, "-s", "-P", *options, str(script)],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            env={"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"} | loader_settings(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise BundleUnavailable(f"the agent bundle cannot be built: {e}") from e
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BundleUnavailable(f"the agent bundle cannot be built: {last}")
    return done.stdout
