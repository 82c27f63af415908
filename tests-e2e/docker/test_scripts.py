"""The scripts for Docker, with real sockets that are missing, deaf or somebody else's."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts/docker"
CHECK, WORKER, ALL = "check-env.sh", "build-worker-image.sh", "build-images.sh"

Done = subprocess.CompletedProcess[str]


def run(script: str, *arguments: str, before: tuple[str, ...] = (), **variables: str) -> Done:
    """Run a script from elsewhere, without any setting of this machine's."""
    ours = ("HODEI_", "POSTGRES_", "DOCKER_", "COMPOSE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [*before, str(SCRIPTS / script), *arguments],
        cwd="/",
        env=kept | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def line_of(done: Done, check: str) -> str:
    """The line about one of the checks, with its blanks made one."""
    found = (" ".join(each.split()) for each in done.stdout.splitlines())
    return next((each for each in found if each.split()[1:2] == [check]), "")


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[Path]:
    """A socket at which nobody listens any more."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        yield path


@pytest.fixture
def docker(need: Callable[[str, object, str], None]) -> Callable[..., Done]:
    """Docker's own command line, before an engine that answers."""

    def call(*arguments: str) -> Done:
        return subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, check=False, timeout=120
        )

    need(
        "docker", shutil.which("docker") and call("version").returncode == 0, "no Docker engine that answers"
    )
    return call


@pytest.fixture
def client(need: Callable[[str, object, str], None]) -> None:
    """The program docker, be there an engine or not."""
    need("docker", shutil.which("docker"), "no program docker here")


def test_without_the_program_it_says_where_to_get_it() -> None:
    done = run(CHECK, DOCKER="no-such-docker")
    assert done.returncode == 1
    assert line_of(done, "program") == "problem program there is no program no-such-docker on PATH"
    assert "apt install docker.io" in done.stdout


@pytest.mark.usefixtures("client")
def test_without_a_socket_it_says_how_to_start_the_engine(tmp_path: Path) -> None:
    done = run(CHECK, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == 1
    assert line_of(done, "engine") == f"problem engine there is no {tmp_path}/none.sock"
    assert "systemctl start docker" in done.stdout


@pytest.mark.usefixtures("client")
def test_a_socket_where_nobody_listens_is_told_from_a_missing_one(deaf: Path) -> None:
    done = run(CHECK, DOCKER_HOST=f"unix://{deaf}")
    assert done.returncode == 1
    assert line_of(done, "engine") == f"problem engine nothing answers at {deaf}"


@pytest.mark.usefixtures("client")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_a_socket_of_somebody_else_is_told_with_the_group_to_join(deaf: Path) -> None:
    for each in (deaf.parent, *deaf.parents[1:-2]):  # so that only the socket itself is in the way
        each.chmod(each.stat().st_mode | 0o011)
    deaf.chmod(0o660)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    done = run(CHECK, before=nobody, DOCKER_HOST=f"unix://{deaf}")
    assert done.returncode == 1
    assert line_of(done, "engine").startswith(f"problem engine {deaf} is not for you")
    assert "usermod -aG root" in done.stdout


def test_an_engine_that_answers_is_shown_with_the_group_of_its_socket(docker: Callable[..., Done]) -> None:
    done = run(CHECK)
    assert done.returncode == 0, done.stdout
    version = docker("version", "--format", "{{.Server.Version}}").stdout.strip()
    assert line_of(done, "engine").startswith(f"ok engine {version}")
    if Path("/var/run/docker.sock").exists():
        assert f"number {os.stat('/var/run/docker.sock').st_gid}" in line_of(done, "group")


def test_what_compose_needs_is_a_problem_to_those_who_ask_for_compose(docker: Callable[..., Done]) -> None:
    if (ROOT / ".env").exists():
        pytest.skip("this checkout has an .env")
    assert line_of(run(CHECK), "password") == "note password POSTGRES_PASSWORD is not set"
    asked = run(CHECK, "--compose")
    assert asked.returncode == 1
    assert line_of(asked, "password") == "problem password POSTGRES_PASSWORD is not set"
    assert line_of(run(CHECK, "--compose", POSTGRES_PASSWORD="set"), "password").startswith("ok password")


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        free = run(CHECK, HODEI_PUBLISH=f"127.0.0.1:{port}", HODEI_STACK="hodei-test-none")
        taken.listen()
        done = run(CHECK, HODEI_PUBLISH=f"127.0.0.1:{port}", HODEI_STACK="hodei-test-none")
    assert line_of(free, "port") == f"ok port 127.0.0.1:{port} is free"
    assert line_of(done, "port") == f"note port {port} is taken"


@pytest.mark.parametrize("script", [CHECK, WORKER, ALL])
def test_each_script_says_how_it_is_used(script: str) -> None:
    done = run(script, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: scripts/docker/{script}")


@pytest.mark.parametrize(
    ("script", "arguments", "word"),
    [
        (CHECK, ["--nonsense"], "there is no option --nonsense"),
        (ALL, ["--nonsense"], "there is no option --nonsense"),
        (WORKER, ["nonsense"], "there is no option nonsense"),
        (WORKER, [], "how is it to be called?"),
        (WORKER, ["-t"], "-t needs a value"),
        (ALL, ["--base", ""], "--base needs a value"),
    ],
)
def test_a_wrong_argument_is_named(script: str, arguments: list[str], word: str) -> None:
    done = run(script, *arguments)
    assert done.returncode == 64
    assert word in done.stderr


def test_nothing_is_built_where_no_engine_answers(tmp_path: Path) -> None:
    done = run(WORKER, "-t", "hodei-test/none", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == 69
    assert "check-env.sh" in done.stderr
    assert done.stdout == ""


@pytest.mark.docker
def test_a_base_that_is_not_there_is_told_in_the_engines_words(docker: Callable[..., Done]) -> None:
    done = run(WORKER, "-t", "hodei-test/none", "--base", f"127.0.0.1:9/none-{uuid4().hex}")
    assert done.returncode == 69
    assert "127.0.0.1:9" in done.stderr
    assert "--base IMAGE" in done.stderr
    assert docker("image", "inspect", "hodei-test/none").returncode != 0
