"""Registries that do not give the image: what who waits is told, and what becomes of the job."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytestmark = pytest.mark.e2e


@contextmanager
def registry(status: int) -> Iterator[str]:
    """The address of a registry of this machine that answers all questions so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/v2/" else status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def platform(shared_machine: Any, engine: Any) -> Iterator[Any]:
    """A platform whose only workers are containers."""
    shared_machine.up(HODEI_DOCKER_ENABLED="1", HODEI_PROCESS_ENABLED="0", HODEI_WORKER_IDLE_TTL="1s")
    yield shared_machine
    engine.until_none(shared_machine.place)


@pytest.mark.parametrize("status", [403, 404])
def test_a_registry_that_refuses_ends_the_job_with_its_words(platform: Any, status: int) -> None:
    with registry(status) as address:
        image = f"{address}/nobody/such:1"
        done = platform.run("run", "--image", image, "--", "true")
    assert done.status not in (0, 124)
    assert f"cannot pull {image}: " in done.err.decode()


def nobody() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize(("status", "words"), [(429, "HTTP 429"), (None, "refused")])
def test_a_registry_that_is_away_or_busy_is_waited_for_and_who_waits_is_told(
    platform: Any, status: int | None, words: str
) -> None:
    if status is None:
        check(platform, nobody(), words)
        return
    with registry(status) as address:
        check(platform, address, words)


def check(platform: Any, address: str, words: str) -> None:
    image = f"{address}/nobody/such:1"
    done = platform.run("run", "--image", image, "--queue-timeout", "6s", "--", "true")
    *waited, last = done.err.decode().splitlines()
    assert (done.status, done.out) == (124, b""), done.err
    assert waited, done.err
    assert all(line.startswith("hodei: waiting since ") and ", until " in line for line in waited)
    assert any(f"cannot pull {image}: " in line and words in line for line in waited), waited
    assert words in last
