"""What the engine's refusals mean to the control plane."""

from __future__ import annotations

import os
import re
from pathlib import Path

from hodei_domain.jobs.result import Reason
from hodei_domain.kernel.errors import Kind
from hodei_domain.providers.errors import ProviderUnavailable, WorkerNotCreated

UNIX = "unix://"


class EngineRefused(ProviderUnavailable):
    """The engine answered, and said no. Where nobody knows better it may say yes another time."""

    kind, code = Kind.UNAVAILABLE, "provider.engine-refused"

    def __init__(self, status: int, message: str) -> None:
        """`status` is that of HTTP, 0 where the refusal came within an answer that had begun well."""
        super().__init__(message.strip())
        self.status = status


def unreachable(address: str, detail: str = "") -> ProviderUnavailable:
    """Why nothing answers at `address`, and what a person can do about it."""
    told = f" ({detail})" if detail else ""
    if not address.startswith(UNIX):
        return ProviderUnavailable(f"no Docker engine answers at {address}{told}; DOCKER_HOST names it")
    path = Path(address.removeprefix(UNIX))
    try:
        path.stat()
    except PermissionError:
        return _forbidden(path)
    except OSError:
        return ProviderUnavailable(
            f"there is no Docker engine: {path} does not exist; start Docker (systemctl start docker), "
            "or name its socket with DOCKER_HOST=unix:///path"
        )
    if not os.access(path, os.R_OK | os.W_OK):
        return _forbidden(path)
    return ProviderUnavailable(
        f"the Docker engine of {path} does not answer{told}; start it (systemctl start docker)"
    )


def _forbidden(path: Path) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"{path} is there, and not for this user; add the user to its group "
        "(usermod -aG docker USER) and log in again"
    )


# The engine and registries tell kinds of trouble by their words alone: the status of most is 500.
_NEVER_WORKS = (
    *(
        "not found",
        "manifest unknown",
        "name unknown",
        "no such image",
        "does not exist",
        "invalid reference",
    ),
    *("denied", "unauthorized", "authentication required", "no basic auth credentials", "forbidden"),
    *(
        "incorrect username",
        "invalid tag",
        "repository name must",
        "unsupported",
        "name invalid",
    ),
)
_NO_MACHINE = (
    "no matching manifest",
    "does not match the detected host platform",
    "does not match the specified",
)
_FOR_NOW = (
    *("dial tcp", "no such host", "timeout", "timed out", "connection re", "i/o", "eof", "tls handshake"),
    *(
        "no space left",
        "disk quota",
        "too many requests",
        "toomanyrequests",
        "temporarily",
        "context canceled",
    ),
    *("unexpected http status: 5", "internal server error", "bad gateway", "service unavailable"),
    *(
        "received unexpected",
        "cannot allocate memory",
        "out of memory",
        "resource temporarily unavailable",
    ),
)


_STATUS = re.compile(r"\bHTTP (?:status: )?([45]\d\d)\b", re.IGNORECASE)
_AGAIN = (408, 425, 429)  # it took too long, it is too early, there were too many


def _says(message: str, words: tuple[str, ...]) -> bool:
    lower = message.lower()
    return any(word in lower for word in words)


def pull_refusal(image: str, refused: EngineRefused) -> WorkerNotCreated:
    """What a pull that failed means: final if the same pull will fail again."""
    told = f"cannot pull {image}: {refused.message}"
    if _says(refused.message, _NO_MACHINE):
        return WorkerNotCreated(told, reason=Reason.IMAGE_ARCHITECTURE, final=True)
    # Trouble on the way goes first: `dial tcp: lookup example.test: no such host` is nobody's `not found`.
    passing = _says(refused.message, _FOR_NOW)
    if (answered := _STATUS.search(refused.message)) is not None:  # … whatever was in the body
        passing = int(answered[1]) >= 500 or int(answered[1]) in _AGAIN
        return WorkerNotCreated(told, reason=Reason.IMAGE_PULL, final=not passing)
    final = not passing and (_says(refused.message, _NEVER_WORKS) or 400 <= refused.status < 500)
    return WorkerNotCreated(told, reason=Reason.IMAGE_PULL, final=final)


_IMAGE_AT_FAULT = (
    *(
        "unable to find user",
        "unable to find group",
        "no matching entries in",
        "invalid user",
        "invalid group",
    ),
    *("oci runtime create failed", "executable file not found", "invalid mount"),
)


def start_refusal(image: str, refused: EngineRefused) -> WorkerNotCreated:
    """What it means that a container of `image` cannot be made or started."""
    told = f"a container of {image} cannot start: {refused.message}"
    if "exec format error" in refused.message.lower():
        return WorkerNotCreated(told, reason=Reason.IMAGE_ARCHITECTURE, final=True)
    # An engine that is going down, or short of something, fails to start any image.
    final = _says(refused.message, _IMAGE_AT_FAULT) and not _says(refused.message, _FOR_NOW)
    return WorkerNotCreated(told, reason=Reason.IMAGE_START, final=final)


def is_about_quotas(message: str) -> bool:
    """Whether a container was refused for the size that its disk was to have."""
    return _says(message, ("storage-opt", "storage opt", "pquota"))
