"""Agents that nobody made: started by hand, as on a machine of their own, and destroyed by the test alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from faults.processes import send
from faults.system import System

# Servers that let such agents in, and make none.
SETTINGS = {"HODEI_DEV_MODE": "1", "HODEI_PROVISIONING_ENABLED": "0", "HODEI_PROCESS_ENABLED": "0"}
STOPS_WITHIN = 5.0


class HandAgent:
    """One agent. `sources` are directories of packages that come before the installed ones."""

    def __init__(
        self, system: System, name: str, *, sources: tuple[Path, ...] = (), directory: Path | None = None
    ) -> None:
        self.log = system.place / f"{name}.log"
        directory = directory or system.place / name
        directory.mkdir(mode=0o700, exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HODEI_")}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        ours: Mapping[str, str] = {
            "HODEI_SERVER": system.doors,
            "HODEI_OTP_TOKEN": f"dev-{name}",
            "HODEI_WORKER_NAME": name,
            "HODEI_WORKER_DIR": str(directory),
            "GRPC_ENABLE_FORK_SUPPORT": "0",
        }
        if sources:
            ours = {**ours, "PYTHONPATH": os.pathsep.join(map(str, sources))}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                (sys.executable, "-P", "-m", "hodei_worker"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**kept, **ours},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def freeze(self) -> None:
        """SIGSTOP to the agent alone: its job goes on."""
        send(signal.SIGSTOP, self.pid)

    def thaw(self) -> None:
        """SIGCONT."""
        send(signal.SIGCONT, self.pid)

    def close(self) -> None:
        """End it, hard if it must be."""
        self.thaw()
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOPS_WITHIN)
