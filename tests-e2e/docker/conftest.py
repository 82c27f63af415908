"""A real Docker engine, seen from outside."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest

SOCKET = "/var/run/docker.sock"
PATIENCE_SECONDS = 60.0


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_SECONDS)
        self.sock.connect(SOCKET)


class Engine:
    """The engine, asked without any part of Hodei."""

    def __init__(self) -> None:
        self._labels: set[str] = set()
        self._images: list[str] = []

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """What it answers; None if that is nothing or a refusal."""
        connection = _Connection("localhost")
        try:
            told = None if body is None else json.dumps(body)
            connection.request(method, path, told, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            return json.loads(content) if content and answer.status < 300 else None
        finally:
            connection.close()

    def workers(self, place: Path) -> list[dict[str, Any]]:
        """Containers, running or not, of the server whose data directory this is."""
        label = f"hodei.installation={(place / 'installation').read_text().strip()}"
        self._labels.add(label)
        return self._labelled(label)

    def _labelled(self, label: str) -> list[dict[str, Any]]:
        wanted = quote(json.dumps({"label": [label]}))
        found: list[dict[str, Any]] = self.call("GET", f"/containers/json?all=1&filters={wanted}")
        return found

    def image(self, base: str, *changes: str) -> str:
        """An image of the tests' own: another one with lines of a Dockerfile."""
        name = f"hodei-made/{uuid4().hex}:1"
        container = self.call("POST", "/containers/create", {"Image": base})["Id"]
        repo, tag = name.split(":")
        wanted = urlencode({"container": container, "repo": repo, "tag": tag, "changes": "\n".join(changes)})
        assert self.call("POST", f"/commit?{wanted}", {})
        self.call("DELETE", f"/containers/{container}?v=1")
        self._images.append(name)
        return name

    def clean(self) -> None:
        """Remove what a test that failed left behind."""
        for label in self._labels:
            for each in self._labelled(label):
                self.call("DELETE", f"/containers/{each['Id']}?force=1&v=1")
        for image in self._images:
            self.call("DELETE", f"/images/{image}?force=1")

    def until(self, place: Path, what: Callable[[list[dict[str, Any]]], Any]) -> Any:
        """Look until the workers are as wanted; what that gives."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = self.workers(place)
            if result := what(found):
                return result
            assert time.monotonic() < deadline, f"still: {[each['Status'] for each in found]}"
            time.sleep(0.1)

    def until_none(self, place: Path) -> None:
        """Wait until no container is left."""
        self.until(place, lambda found: not found)


@pytest.fixture(scope="session")
def engine(need: Callable[[str, object, str], None]) -> Iterator[Engine]:
    """The engine of this machine, with the images of the tests."""
    there = os.path.exists(SOCKET) and Engine().call("GET", "/version")
    need("docker", there, f"no Docker engine at {SOCKET}")
    engine = Engine()
    yield engine
    engine.clean()
