"""How one Docker engine is to be used: what a provider's row says, checked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, fields, frozen
from hodei_domain.kernel.checks import check_labels, check_text, check_texts
from hodei_domain.kernel.errors import InvalidInput

from hodei_infrastructure.docker import reference

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
OURS = "hodei."
"""Labels that begin so are ours."""

AS_IN_IMAGE = "image"
_USER = re.compile(r"\d{1,10}(:\d{1,10})?")
_ADDRESS = re.compile(r"(?:unix://)?/.+|(?:tcp|http|https)://[^/\s]+/?")
_NETWORK = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_SERVER = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):(\d{1,5})")


def engine_address(text: str) -> str:
    """unix:///path, tcp://, http:// or https://; a path alone is a socket. Raises InvalidInput."""
    if not _ADDRESS.fullmatch(text):
        raise InvalidInput(
            f"{text!r} is no address of a Docker engine; write unix:///path or tcp://host:port",
            field="docker.socket_path",
        )
    return f"unix://{text}" if text.startswith("/") else text.rstrip("/")


def server_address(text: str) -> str:
    """host:port, or several with commas between. Raises InvalidInput."""
    listed = [each.strip() for each in text.split(",")] if text else []
    for each in listed:
        match = _SERVER.fullmatch(each)
        if match is None or not 0 < int(match[1]) < 65536:
            raise InvalidInput(f"{each!r} is not host:port", field="docker.server")
    return ",".join(listed)


def user(text: str) -> str:
    """ "" or `image`, or a number or two with a colon between. Raises InvalidInput."""
    if text and text != AS_IN_IMAGE and not _USER.fullmatch(text):
        raise InvalidInput(
            f"{text!r} is neither UID nor UID:GID nor `image` (as the image has it)",
            field="docker.user",
        )
    return text


def network(text: str) -> str:
    """A network's name, or its id. Raises InvalidInput."""
    if not _NETWORK.fullmatch(text):
        raise InvalidInput(f"{text!r} is no name of a network", field="docker.network_mode")
    return text


def image(text: str) -> str:
    """An image's name. Raises InvalidInput."""
    if text and reference.parse(text) is None:
        raise InvalidInput(f"{text!r} is no name of an image", field="docker.default_image")
    return text


def _servers(addresses: Iterable[str]) -> tuple[str, ...]:
    told = tuple(addresses)
    check_texts(told, "docker.dns_servers", 16, 64)
    for each in told:
        try:
            ipaddress.ip_address(each)
        except ValueError:
            raise InvalidInput(f"{each!r} is no IP address", field="docker.dns_servers") from None
    return told


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    told = dict(labels)
    check_labels(told, "docker.labels")
    for name in told:
        if name.startswith(OURS):
            raise InvalidInput(f"{name}: {OURS}… are Hodei's own labels", field="docker.labels")
    return told


@frozen(kw_only=True)
class DockerConfig:
    """Settings of one engine. "" stands for what is found out or usual.

    `user`: UID[:GID] of workers whose image does not name a user other than root, where a job asks for none;
    `image`: root, then. `require_non_root`: nobody is root, whatever image and job say.
    `server`: host:port of the control plane as workers are to dial it. `pids_limit`: processes and threads
    of one worker, its job included.
    """

    socket_path: str = field(default=DEFAULT_ADDRESS, converter=engine_address)
    default_image: str = field(default="", converter=image)
    network_mode: str = field(default="bridge", converter=network)
    dns_servers: tuple[str, ...] = field(default=(), converter=_servers)
    labels: Mapping[str, str] = field(factory=dict, converter=_labels)
    user: str = field(default="", converter=user)
    require_non_root: bool = field(default=False)
    server: str = field(default="", converter=server_address)
    pids_limit: int = field(default=1024)

    @require_non_root.validator
    def _check_require_non_root(self, _: Any, required: Any) -> None:
        if not isinstance(required, bool):
            raise InvalidInput("must be true or false", field="docker.require_non_root")

    @pids_limit.validator
    def _check_pids_limit(self, _: Any, limit: Any) -> None:
        if not isinstance(limit, int) or isinstance(limit, bool) or not 16 <= limit <= 4_000_000:
            raise InvalidInput("must be a number from 16 to 4000000", field="docker.pids_limit")


def read_config(document: Mapping[str, Any]) -> DockerConfig:
    """The settings in a provider's row, under `docker`. Raises InvalidInput."""
    told = document.get("docker", {})
    if not isinstance(told, Mapping):
        raise InvalidInput("must be settings by name", field="docker")
    known = {each.name for each in fields(DockerConfig)}
    for name, value in told.items():
        if name not in known:
            raise InvalidInput(f"there is no setting {name!r}", field="docker")
        if name in ("socket_path", "default_image", "network_mode", "user", "server"):
            check_text(value, f"docker.{name}", 1024)
    return DockerConfig(**{name: value for name, value in told.items() if value})
