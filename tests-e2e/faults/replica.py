"""One server process of several on one database, and the way of its workers to it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bounded import next_line

from faults.clock import WallClock
from faults.processes import send
from faults.proxy import Proxy

STARTS_WITHIN = 60.0
STOPS_WITHIN = 30.0


def free_port() -> int:
    """A port that is free now and was not handed out just before."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Replica:
    """A server that can be killed, frozen, asked to leave, and started again at the same port."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path, data: Path) -> None:
        self.name = name
        self.data = data
        self.port = free_port()
        self.proxy: Proxy
        self.clock: WallClock
        self.frozen = False
        self._environment = {**environment, "HODEI_DATA_DIR": str(data)}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where clients find it; its workers come through the proxy."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the running process; 0 when it does not run."""
        return self._process.pid if self.runs and self._process is not None else 0

    @property
    def runs(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def advertise(self, doors: str) -> None:
        """Where its workers find it and the others, from its next start on."""
        self._environment["HODEI_SERVER_ADVERTISE"] = doors

    def move_to(self, url: str) -> None:
        """Use this database, from its next start on."""
        self._environment["HODEI_DATABASE_URL"] = url

    def said(self, text: str) -> bool:
        """Whether it logged that."""
        return self.count(text) > 0

    def count(self, text: str) -> int:
        """How often it logged that."""
        return self._log.read_text(errors="replace").count(text)

    def live_by(self, clock: WallClock) -> None:
        """Read this clock, from its next start on; what it starts does not."""
        self.clock = clock
        self._environment.update(clock.environment)

    def use(self, *sources: Path) -> None:
        """Take packages from these directories first, from its next start on."""
        self._environment.pop("PYTHONPATH", None)
        if sources:
            self._environment["PYTHONPATH"] = os.pathsep.join(map(str, sources))

    async def start(self) -> None:
        """Start it and return when it serves; does nothing if it runs."""
        if self.runs:
            return
        ready, ready_there = os.pipe()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                (
                    *(sys.executable, "-P", "-m", "hodei_grpc.main", "--no-banner"),
                    *("--port", str(self.port), "--ready-fd", str(ready_there)),
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(ready_there,),
                env=self._environment,
                start_new_session=True,
            )
        os.close(ready_there)
        line = await asyncio.to_thread(_line, ready)
        if not line:
            raise RuntimeError(f"{self.name} did not start: {self._log.read_text()[-2000:]}")
        assert json.loads(line)["port"] == self.port

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    async def leave(self) -> None:
        """SIGTERM, and wait until it has gone in good order."""
        await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP."""
        self.frozen = True
        send(signal.SIGSTOP, *([self.pid] if self.pid else []))

    def thaw(self) -> None:
        """SIGCONT."""
        self.frozen = False
        send(signal.SIGCONT, *([self.pid] if self.pid else []))

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        if self.frozen:
            self.thaw()
        try:
            await asyncio.to_thread(self._process.wait, STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait, STOPS_WITHIN)
            raise RuntimeError(
                f"{self.name} did not end within {STOPS_WITHIN:.0f} s of {number.name}"
            ) from None


def _line(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb", buffering=0) as told:
        return next_line(told, STARTS_WITHIN)
