"""The service on a real Postgres, with real agents, in processes as users start them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import define, field
from hodei_infrastructure.postgres.testing import database_url, postgres_server  # noqa: F401  (fixtures)

WITHIN = 60.0  # seconds; only a limit for what would otherwise hang


@define
class Program:
    """A server's program, and a client of its REST service if it has one."""

    process: subprocess.Popen[bytes]
    told: dict[str, Any]
    client: httpx.Client | None = field(default=None)

    @property
    def rest(self) -> httpx.Client:
        assert self.client is not None
        return self.client

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        if self.client is not None:
            self.client.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN)


Start = Callable[..., Program]


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Start]:  # noqa: F811
    """Starts programs on one database and one data directory; they are stopped at the end."""
    started: list[Program] = []
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HODEI_") and k not in ("GRPC_PORT",)}

    def begin(module: str, *arguments: str, **variables: str) -> Program:
        ready, server = os.pipe()
        environ = kept | {
            "HODEI_DATA_DIR": str(tmp_path),
            "HODEI_DATABASE_URL": database_url,
            "HODEI_DEV_MODE": "1",
            "HODEI_DOCKER_ENABLED": "0",
        }
        with open(tmp_path / "programs.log", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments, "--ready-fd", str(server)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(server,),
                env=environ | variables,
            )
        os.close(server)
        with open(ready, "rb") as pipe:
            line = pipe.readline()
        assert line, (tmp_path / "programs.log").read_text()
        told = json.loads(line)
        client = None
        if "rest" in told:
            client = httpx.Client(base_url=f"http://{told['rest']}", timeout=WITHIN, trust_env=False)
        program = Program(process, told, client)
        started.append(program)
        return program

    yield begin
    for program in reversed(started):
        if program.process.poll() is None:
            program.stop()
        else:
            assert program.client is None or program.client.is_closed or program.client.close() is None


@pytest.fixture
def pair(start: Start) -> tuple[Program, Program]:
    """A server with workers that speaks gRPC alone, and REST beside it as a program of its own."""
    server = start("hodei_grpc.main", "--port", "0", "--no-banner", "--ephemeral")
    return server, start("hodei_rest.main", "--port", "0")
