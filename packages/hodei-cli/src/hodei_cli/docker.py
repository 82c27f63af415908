"""What `hodei doctor` says of Docker. It asks the engine itself: this machine may have no server yet."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from hodei_cli.findings import NOTE, OK, PROBLEM, Finding

UNIX = "unix://"
DEFAULT = "unix:///var/run/docker.sock"
SECONDS = 3.0
_NO = ("0", "false", "no", "off")
_START = "Start Docker (systemctl start docker), or name it with DOCKER_HOST, for jobs with --image."
_JOIN = "Join the socket's group and log in again: usermod -aG docker {user}"


def docker(environ: Mapping[str, str] = os.environ) -> Finding:
    """The engine that the Docker provider would use, its version, and how to get at it. It is a problem only
    where it is asked for.
    """
    asked = environ.get("HODEI_DOCKER_ENABLED", "").strip().lower()
    address = environ.get("DOCKER_HOST", "").strip() or DEFAULT
    if asked in _NO:
        return Finding("docker", NOTE, f"HODEI_DOCKER_ENABLED={asked} keeps {address} out of use")
    wanted = PROBLEM if asked else NOTE
    try:
        return Finding("docker", OK, f"{_version(address)} at {address}: jobs can run in images")
    except PermissionError:
        mend = _JOIN.format(user=environ.get("USER") or "USER")
        return Finding("docker", wanted, f"{_place(address)} is there, and not for you", mend)
    except FileNotFoundError:
        return Finding("docker", wanted, f"no {_place(address)}", _START)
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Finding("docker", wanted, f"{address} does not answer: {why}", _START)


def _place(address: str) -> str:
    return address.removeprefix(UNIX)


def _version(address: str) -> str:
    connection = _connection(address)
    try:
        connection.request("GET", "/version")
        told = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return f"Docker {told.get('Version', '?')}, {told.get('Os', '?')}/{told.get('Arch', '?')}"


def _connection(address: str) -> http.client.HTTPConnection:
    if address.startswith((UNIX, "/")):
        return _OverSocket(Path(_place(address)))
    parts = urlsplit(address)
    if parts.scheme not in ("tcp", "http") or not parts.hostname:
        raise ValueError("it is neither unix:///path nor tcp://host:port")
    return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=SECONDS)


class _OverSocket(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket. Raise OSError."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(self._path))
