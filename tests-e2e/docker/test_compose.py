"""The compose files, with images that are built here from an image that is here: nothing is pulled.

HODEI_TEST_BASE names another Debian or Ubuntu to build from, HODEI_TEST_BUILD_NETWORK another network for the
builds. The images stay, since their layers make the next run quick.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from attrs import frozen

ROOT = Path(__file__).parents[2]
IMAGES = Path(__file__).parent / "images"
PREFIX = "hodei-compose-test/"
BASE = os.environ.get("HODEI_TEST_BASE", "hodei-test/debian:12")
NETWORK = os.environ.get("HODEI_TEST_BUILD_NETWORK", "host")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
PASSWORD = "p@ss/w:rd %#?&"  # none of which must be taken for a part of a URL
PROD, DEV = "docker-compose.prod.yml", "docker-compose.dev.yml"
PATIENCE_SECONDS = 120.0

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.slow]


def run(*command: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, in the checkout."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment or outside(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def outside(**variables: str) -> dict[str, str]:
    """This process's environment without anything the compose files read."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HODEI_", "POSTGRES_", "COMPOSE_"))}
    return kept | variables


def docker(*arguments: str) -> str:
    done = run("docker", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def build(folder: Path, name: str, base: str) -> str:
    docker(
        "build", "--quiet", "--network", NETWORK, "--build-arg", f"BASE={base}", "--tag", name, str(folder)
    )
    return name


@frozen
class Stack:
    """The services of one compose file, under names of their own."""

    compose: Sequence[str]
    file: str
    name: str
    environment: dict[str, str]

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run compose; an .env of the checkout is not read."""
        command = [
            *self.compose,
            "--env-file",
            str(IMAGES / "none.env"),
            "-f",
            self.file,
            "-p",
            self.name,
            *arguments,
        ]
        return run(*command, environment=self.environment | variables)

    def up(self) -> None:
        done = self("up", "-d", "--no-build")
        assert done.returncode == 0, done.stderr
        self.wait_for("web")
        with grpc.insecure_channel(self.address) as channel:
            grpc.channel_ready_future(channel).result(timeout=PATIENCE_SECONDS)

    def wait_for(self, service: str) -> None:
        """Until the engine finds it healthy."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while docker("inspect", "-f", "{{.State.Health.Status}}", f"{self.name}-{service}") != "healthy":
            assert time.monotonic() < deadline, self("logs", service).stdout
            time.sleep(0.5)  # the engine tells by polling alone

    @property
    def address(self) -> str:
        return self("port", "api", "50051").stdout.strip()

    @property
    def token(self) -> str:
        return docker("exec", "-u", "hodei", f"{self.name}-api", "cat", "/var/lib/hodei/token")

    def left(self) -> dict[str, str]:
        """What there is of it on the engine: what has its name, or is on its workers' network."""
        project = f"label=com.docker.compose.project={self.name}"
        networks = docker("network", "ls", "-q", "-f", f"name={self.name}")
        on = ["-f", f"network={self.name}-workers"] if networks else []
        found = {
            "containers": docker("ps", "-aq", "-f", project),
            "workers": docker("ps", "-aq", *on, "-f", "name=hodei-worker-") if on else "",
            "volumes": docker("volume", "ls", "-q", "-f", f"name={self.name}"),
            "networks": networks,
        }
        return {what: names for what, names in found.items() if names}


@pytest.fixture(scope="module")
def compose(need: Callable[[str, object, str], None]) -> Sequence[str]:
    """`docker compose` or docker-compose."""
    plugin = shutil.which("docker") and run("docker", "compose", "version").returncode == 0
    found = ["docker", "compose"] if plugin else [shutil.which("docker-compose") or ""]
    need("compose", found[0], "neither docker compose nor docker-compose here")
    return found


@pytest.fixture(scope="module")
def base(need: Callable[[str, object, str], None], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A base that trusts whom this machine trusts; on an engine that answers."""
    engine = shutil.which("docker") and run("docker", "version").returncode == 0
    need("docker", engine, "no Docker engine that answers")
    there = run("docker", "image", "inspect", BASE).returncode == 0
    need("docker", there, f"no image {BASE} to build from; HODEI_TEST_BASE names another")
    if not AUTHORITIES.exists():
        return BASE
    folder = tmp_path_factory.mktemp("base")
    shutil.copy(IMAGES / "base/Dockerfile", folder)
    shutil.copy(AUTHORITIES, folder / "authorities.crt")
    return build(folder, f"{PREFIX}base", BASE)


@pytest.fixture(scope="module")
def images(base: str) -> dict[str, str]:
    """All images of the compose files, by the variables that name them."""
    script = ROOT / "scripts/docker/build-images.sh"
    done = run(script, "--base", base, "--network", NETWORK, "--prefix", PREFIX)
    assert done.returncode == 0, done.stderr
    server, worker = done.stdout.split()
    postgres = build(IMAGES / "postgres", f"{PREFIX}postgres", base)
    return {"HODEI_SERVER_IMAGE": server, "HODEI_WORKER_IMAGE": worker, "HODEI_POSTGRES_IMAGE": postgres}


def a_stack(file: str, compose: Sequence[str], images: dict[str, str]) -> Iterator[Stack]:
    name = f"hodei-test-{uuid4().hex[:8]}"
    free = {
        "HODEI_PUBLISH": "127.0.0.1:0",
        "HODEI_PUBLISH_WEB": "127.0.0.1:0",
        "HODEI_PUBLISH_POSTGRES": "127.0.0.1:0",
    }
    stack = Stack(
        compose, file, name, outside(POSTGRES_PASSWORD=PASSWORD, HODEI_STACK=name, **free, **images)
    )
    try:
        stack.up()
        yield stack
    finally:
        for worker in stack.left().get("workers", "").split():
            docker("rm", "-f", worker)
        stack("down", "-v", "--timeout", "20")


@pytest.fixture(scope="module")
def prod(compose: Sequence[str], images: dict[str, str]) -> Iterator[Stack]:
    yield from a_stack(PROD, compose, images)


@pytest.fixture
def dev(compose: Sequence[str], images: dict[str, str]) -> Iterator[Stack]:
    yield from a_stack(DEV, compose, images)


def ask(stack: Stack, path: str, body: dict[str, Any] | None = None, token: str = "") -> tuple[int, Any]:
    """Ask the service of the stack for the dashboard; its status, and JSON or text."""
    address = stack("port", "web", "3000").stdout.strip()
    connection = HTTPConnection(address, timeout=30)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection.request("GET" if body is None else "POST", path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    is_json = (answer.getheader("content-type") or "").endswith("json")
    return answer.status, json.loads(text) if is_json else text


@pytest.fixture(scope="module")
def hodei(shared_machine: Any, prod: Stack) -> Callable[..., Any]:
    """The command line of a user of this machine, who has the server's token."""
    told = {"HODEI_SERVER": prod.address, "HODEI_TOKEN": prod.token}
    return lambda *arguments, **variables: shared_machine.run(*arguments, **told | variables)


@pytest.mark.parametrize("file", [PROD, DEV])
def test_without_a_password_nothing_starts_and_it_says_what_to_do(file: str, compose: Sequence[str]) -> None:
    done = Stack(compose, file, "hodei-test-none", outside())("config", "-q")
    assert done.returncode != 0
    assert "write POSTGRES_PASSWORD=" in done.stderr
    assert ".env" in done.stderr


@pytest.mark.parametrize("file", [PROD, DEV])
def test_no_release_of_compose_can_take_the_words_of_a_refusal_for_a_password(file: str) -> None:
    words = re.findall(r"\$\{\w+:\?([^}]*)\}", (ROOT / file).read_text())
    assert words
    assert not [each for each in words if "-" in each]  # where some look for a default first


def test_a_job_runs_in_the_image_that_it_names(hodei: Callable[..., Any], images: dict[str, str]) -> None:
    image = images["HODEI_POSTGRES_IMAGE"]
    done = hodei("run", "--image", image, "--", "sh", "-c", "ls /usr/lib/postgresql; exit 7")
    assert done.status == 7, done.err
    assert done.out.strip().isdigit()


def test_a_job_that_names_no_image_finds_what_scripts_expect(hodei: Callable[..., Any]) -> None:
    script = "set -e; id -u; pwd; git --version; curl --version; python3 -c 'print(6 * 7)'; touch here"
    done = hodei("run", "--", "bash", "-c", script)
    assert done.status == 0, done.err
    user, place, git, *_, answer = done.out.decode().splitlines()
    assert (user, place, answer) == ("65532", "/home/job", "42")
    assert git.startswith("git version")


def test_a_job_can_neither_reach_the_database_nor_see_a_secret(
    hodei: Callable[..., Any], prod: Stack
) -> None:
    dial = "python3 -c 'import socket; socket.create_connection((\"postgres\", 5432), 5)'"
    done = hodei("run", "--", "bash", "-c", f"env; ls /var/run/docker.sock; {dial}")
    assert done.status != 0
    assert b"gaierror" in done.err
    assert b"No such file" in done.err
    assert PASSWORD.encode() not in done.out
    assert prod.token.encode() not in done.out


def test_a_stranger_without_the_token_runs_nothing(hodei: Callable[..., Any]) -> None:
    done = hodei("run", "--", "true", HODEI_TOKEN="guessed")
    assert done.status == 77
    assert b"token" in done.err


def test_the_server_is_not_root_and_can_do_nothing_that_root_can(prod: Stack) -> None:
    status = docker("exec", f"{prod.name}-api", "cat", "/proc/1/status")
    assert re.search(r"^Uid:\s+10001\s+10001\s+10001", status, re.M)
    assert set(re.findall(r"^Cap(?:Prm|Eff|Bnd|Inh):\s+(\w+)", status, re.M)) == {"0" * 16}
    assert re.search(r"^NoNewPrivs:\s+1", status, re.M)


def test_the_engine_finds_it_healthy(prod: Stack) -> None:
    test = json.loads(docker("inspect", "-f", "{{json .Config.Healthcheck.Test}}", f"{prod.name}-api"))
    assert test[0] == "CMD"
    assert docker("exec", f"{prod.name}-api", *test[1:]) == "SERVING"


def test_the_dashboard_is_served_and_jobs_are_run_through_it(prod: Stack) -> None:
    status, page = ask(prod, "/")
    assert (status, "<html" in page) == (200, True)
    assert ask(prod, "/api/v1/jobs")[0] == 401
    spec = {"command": ["echo", "from the web"]}
    status, job = ask(prod, "/api/v1/jobs", {"spec": spec}, prod.token)
    assert status == 201, job
    deadline = time.monotonic() + PATIENCE_SECONDS
    while job["completed_at"] is None and time.monotonic() < deadline:
        _, job = ask(prod, f"/api/v1/jobs/{job['id']}", token=prod.token)
    assert (job["state"], job["provider"]) == ("SUCCEEDED", "docker")
    _, output = ask(prod, f"/api/v1/jobs/{job['id']}/logs", token=prod.token)
    assert [line["text"] for line in output["lines"]] == ["from the web"]
    _, system = ask(prod, "/api/v1/system", token=prod.token)
    assert (system["database"]["ok"], system["dev_mode"]) == (True, False)


def test_what_operators_look_at_is_there(hodei: Callable[..., Any], prod: Stack) -> None:
    """The commands of the guides, with the names that they give."""
    assert hodei("run", "--name", "looked-at", "--", "echo", "hello").status == 0
    log = run("docker", "logs", f"{prod.name}-api")
    assert "Log appended" in log.stdout + log.stderr  # at the level it has by itself
    assert "released" in log.stdout + log.stderr
    psql = ["exec", f"{prod.name}-postgres", "psql", "-U", "hodei", "-d", "hodei", "-At", "-c"]
    assert "JobCreated" in docker(*psql, "SELECT DISTINCT event_type FROM audit_logs")
    assert docker("ps", "-aq", "--filter", "name=hodei-worker")
    assert "file `token`" in ask(prod, "/api/v1/jobs")[1]["detail"]


def test_the_dashboards_server_is_not_root_writes_nothing_and_has_no_engine(prod: Stack) -> None:
    status = docker("exec", f"{prod.name}-web", "cat", "/proc/1/status")
    assert re.search(r"^Uid:\s+10001\s+10001\s+10001", status, re.M)
    assert set(re.findall(r"^Cap(?:Prm|Eff|Bnd|Inh):\s+(\w+)", status, re.M)) == {"0" * 16}
    assert run("docker", "exec", f"{prod.name}-web", "touch", "/var/lib/hodei/x").returncode != 0
    assert run("docker", "exec", f"{prod.name}-web", "ls", "/var/run/docker.sock").returncode != 0


def test_jobs_and_token_are_there_after_a_restart(hodei: Callable[..., Any], prod: Stack) -> None:
    assert hodei("run", "--name", "before", "--", "true").status == 0
    assert prod("restart", "api").returncode == 0
    with grpc.insecure_channel(prod.address) as channel:
        grpc.channel_ready_future(channel).result(timeout=PATIENCE_SECONDS)
    done = hodei("job", "list", HODEI_SERVER=prod.address)
    assert done.status == 0, done.err
    assert b"before" in done.out


def test_the_images_say_what_they_are(images: dict[str, str]) -> None:
    for variable, title in (("HODEI_SERVER_IMAGE", "hodei-server"), ("HODEI_WORKER_IMAGE", "hodei-worker")):
        labels = json.loads(docker("inspect", "-f", "{{json .Config.Labels}}", images[variable]))
        assert labels["org.opencontainers.image.title"] == title
        assert re.fullmatch(r"\d+\.\d+\.\d+", labels["org.opencontainers.image.version"])
        assert docker("inspect", "-f", "{{.Config.User}}", images[variable]) not in ("", "root", "0")


def test_down_leaves_nothing(hodei: Callable[..., Any], prod: Stack) -> None:
    assert hodei("run", "--", "true", HODEI_SERVER=prod.address).status == 0
    assert "workers" in prod.left()  # idle by now, and kept for the next job
    done = prod("down", "-v")
    assert done.returncode == 0, done.stderr
    assert prod.left() == {}


def test_for_development_the_server_runs_the_sources_of_the_checkout(dev: Stack, machine: Any) -> None:
    where = "import hodei_grpc; print(hodei_grpc.__file__)"
    assert docker("exec", f"{dev.name}-api", "python3", "-c", where).startswith("/src/packages/")
    done = machine.run("run", "--", "echo", "there", HODEI_SERVER=dev.address, HODEI_TOKEN=dev.token)
    assert (done.status, done.out) == (0, b"there\n"), done.err
    assert "released" in dev("logs", "api").stdout
