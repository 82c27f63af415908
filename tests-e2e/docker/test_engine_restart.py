"""A Docker engine that restarts under running jobs: one of the test's own, so that no other is touched."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from bounded import next_line

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

BUSYBOX = "hodei-test/busybox:1"
STARTS_WITHIN = 60.0


@define
class OwnEngine:
    """A dockerd with its own socket, storage and bridge."""

    place: Path
    bridge: str
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def host(self) -> str:
        return f"unix://{self.place}/engine.sock"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.place / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(
                (
                    *("dockerd", "--host", self.host, "--bridge", self.bridge),
                    *("--data-root", str(self.place / "data"), "--exec-root", str(self.place / "exec")),
                    *("--pidfile", str(self.place / "engine.pid")),
                ),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + STARTS_WITHIN
        while subprocess.run(
            ("docker", "-H", self.host, "version"), capture_output=True, check=False
        ).returncode:
            assert self._process.poll() is None, (self.place / "engine.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the engine did not start"
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it, and with it all its containers."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STARTS_WITHIN)
            self._process = None

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            ("docker", "-H", self.host, *arguments), capture_output=True, check=True, timeout=60
        )
        return done.stdout.decode().strip()


@pytest.fixture
def own_engine(engine: Any, need: Callable[[str, object, str], None]) -> Iterator[OwnEngine]:
    able = os.geteuid() == 0 and shutil.which("dockerd") and shutil.which("ip")
    need("docker", able, "an engine of one's own takes root, dockerd and ip")
    # Not below tmp_path: the names of sockets are short.
    own = OwnEngine(Path(tempfile.mkdtemp(prefix="hodei-")), f"hodei{secrets.token_hex(3)}")
    for words in (
        ("link", "add", own.bridge, "type", "bridge"),
        ("addr", "add", f"10.213.{secrets.randbelow(250)}.1/24", "dev", own.bridge),
        ("link", "set", own.bridge, "up"),
    ):
        subprocess.run(("ip", *words), check=True)
    try:
        own.start()
        image = subprocess.run(
            ("docker", "save", BUSYBOX), capture_output=True, check=True, timeout=60
        ).stdout
        subprocess.run(
            ("docker", "-H", own.host, "load"), input=image, capture_output=True, check=True, timeout=60
        )
        yield own
    finally:
        own.stop()
        subprocess.run(("ip", "link", "del", own.bridge), check=False)
        subprocess.run(("rm", "-rf", str(own.place)), check=False)


def test_a_job_whose_engine_restarts_runs_again_and_the_engine_serves_on(
    machine: Any, own_engine: OwnEngine
) -> None:
    machine.up(HODEI_DOCKER_ENABLED="1", HODEI_PROCESS_ENABLED="0", DOCKER_HOST=own_engine.host)
    line = "echo attempt $HODEI_ATTEMPT; test $HODEI_ATTEMPT = 2 || sleep 1000"
    running = machine.start("run", "--image", BUSYBOX, "--", "sh", "-c", line)
    assert next_line(running.stdout) == b"attempt 1\n"
    own_engine.stop()
    waiting = machine.run("job", "queue", "--image", BUSYBOX, "--", "echo", "queued meanwhile")
    own_engine.start()
    out, err = running.communicate(timeout=120)
    assert (running.returncode, out) == (0, b"attempt 2\n"), err
    job = waiting.out.decode().strip()
    assert machine.run("job", "watch", job).status == 0
    assert machine.run("logs", "get", job).out == b"queued meanwhile\n"
    machine.interrupt()
    left = own_engine("ps", "-aq")
    assert left == "", own_engine("ps", "-a")


def test_doctor_says_of_an_engine_that_is_away_what_to_do(machine: Any, own_engine: OwnEngine) -> None:
    own_engine.stop()
    told = machine.run("doctor", DOCKER_HOST=own_engine.host).out.decode()
    [line] = [line for line in told.splitlines() if "docker" in line.split()[:2]]
    assert own_engine.host.removeprefix("unix://") in told
    assert not line.startswith("ok"), told
