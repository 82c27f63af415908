"""What `hodei doctor` says of Docker, with an engine of the test's own."""

from __future__ import annotations

import http.server
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hodei_cli.docker import docker
from hodei_cli.findings import NOTE, OK, PROBLEM


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"Version": "27.1", "Os": "linux", "Arch": "arm64"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "docker.sock")
    with socketserver.ThreadingUnixStreamServer(path, Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"unix://{path}"
        server.shutdown()
        thread.join()


def test_an_engine_that_answers_is_named_with_its_version(engine: str) -> None:
    found = docker({"DOCKER_HOST": engine})
    assert (found.verdict, found.mend) == (OK, "")
    assert found.found == f"Docker 27.1, linux/arm64 at {engine}: jobs can run in images"


@pytest.mark.parametrize(("asked", "verdict"), [({}, NOTE), ({"HODEI_DOCKER_ENABLED": "1"}, PROBLEM)])
def test_without_an_engine_it_says_how_to_get_one(
    asked: dict[str, str], verdict: str, tmp_path: Path
) -> None:
    found = docker({"DOCKER_HOST": f"unix://{tmp_path}/none", **asked})
    assert (found.verdict, found.found) == (verdict, f"no {tmp_path}/none")
    assert "systemctl start docker" in found.mend


def test_a_socket_that_is_not_for_this_user_names_the_group(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("hodei_cli.docker._OverSocket.connect", refused)  # root may connect to any
    found = docker({"DOCKER_HOST": engine, "USER": "ana"})
    assert found.verdict == NOTE
    assert found.mend.endswith("usermod -aG docker ana")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://127.0.0.1:9", "does not answer: Connection refused"),
        ("ssh://x", "neither unix:///path nor tcp"),
    ],
)
def test_what_does_not_answer_is_named_with_the_reason(address: str, words: str) -> None:
    assert words in docker({"DOCKER_HOST": address}).found


def test_it_is_not_asked_where_it_is_switched_off() -> None:
    found = docker({"DOCKER_HOST": "unix:///none", "HODEI_DOCKER_ENABLED": "no"})
    assert (found.verdict, found.found) == (NOTE, "HODEI_DOCKER_ENABLED=no keeps unix:///none out of use")
