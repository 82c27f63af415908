"""Names of images."""

from __future__ import annotations

import re

from attrs import frozen

HUB = "docker.io"

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
# As github.com/distribution/reference has it.
_REFERENCE = re.compile(
    rf"(?:(?P<host>{_HOST})/)?(?P<path>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)


@frozen
class Reference:
    """An image's name, taken apart. `tag` and `digest` are "" where they are not said."""

    registry: str  # host, with its port if it has one
    repository: str
    tag: str
    digest: str

    @property
    def credentials(self) -> str:
        """The name under which Docker's configuration file keeps credentials for the registry."""
        return "https://index.docker.io/v1/" if self.registry == HUB else self.registry


def parse(text: str) -> Reference | None:
    """Take an image's name apart; None if it is none."""
    match = _REFERENCE.fullmatch(text)
    if match is None or len(match["path"]) > 255:
        return None
    host, path = match["host"] or "", match["path"]
    # Without a dot, a port or `localhost` the first part belongs to the path: library/alpine.
    if host and not (any(mark in host for mark in ".:") or host == "localhost" or host != host.lower()):
        host, path = "", f"{host}/{path}"
    return Reference(host or HUB, path, match["tag"] or "", match["digest"] or "")


def short(text: str) -> str:
    """The name as people want to read it: without the 64 digits of a digest."""
    name, at, digest = text.partition("@")
    return f"{name}@{digest[:19]}…" if at else name


def with_tag(text: str) -> str:
    """The name with the tag that is meant where none is said."""
    reference = parse(text)
    if reference is None or reference.tag or reference.digest:
        return text
    return f"{text}:latest"
