"""What the environment tells the agent, read once; every problem is reported with its variable's name."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from hodei_worker.journal import CAPACITY_BYTES
from hodei_worker.scratch import default_base

T = TypeVar("T")

LEVELS = {
    "trace": "DEBUG",
    "debug": "DEBUG",
    "info": "INFO",
    "warn": "WARNING",
    "warning": "WARNING",
    "error": "ERROR",
}
DETAIL = ("DEBUG", "INFO", "WARNING", "ERROR")
YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
UNITS = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
LEAST_SPOOL, MOST_SPOOL = 2**20, 2**40
DEFAULT_PORT = 50051
DISK_NOT_HELD = "not held: a process writes wherever its user may"
# Kubernetes gives a pod 30 s from TERM to KILL; what is left of them is for the job's own grace and the
# goodbye.
DRAIN_SECONDS = 20.0


class SettingsError(Exception):
    """The environment does not make sense; `problems` says all that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the agent takes from its environment. Durations are seconds."""

    server: str  # host:port, or several with commas between
    otp: str = field(repr=False)
    worker_id: str
    name: str
    log_level: str = "INFO"
    batch_lines: int = 100
    flush_seconds: float = 0.1
    directory: Path
    spool_directory: Path | None = None  # None: within `directory`
    drain_seconds: float = DRAIN_SECONDS
    spool_bytes: int = CAPACITY_BYTES  # what may wait on disk for the server
    disk: str = DISK_NOT_HELD  # what holds the disk space of a job in that image, in words
    image_entrypoint: tuple[str, ...] = ()  # what that image would start, for jobs that want it
    in_image: bool = False  # jobs run in the image around the agent, with its environment and limits


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    A file with the one-time password is removed. Raise SettingsError with every problem.
    """
    reader = _Reader(environ)
    worker_id = reader.read(("HODEI_WORKER_ID", "WORKER_ID"), _uuid, "")
    settings = Settings(
        server=reader.read(("HODEI_SERVER", "HODEI_SERVER_ADDRESS"), addresses, f"localhost:{DEFAULT_PORT}"),
        otp=reader.otp(),
        worker_id=worker_id,
        name=reader.read(("HODEI_WORKER_NAME",), str, "")
        or (f"hodei-worker-{worker_id}" if worker_id else ""),
        log_level=reader.read(("HODEI_LOG_LEVEL",), _level, _rust_level(environ.get("RUST_LOG", ""))),
        batch_lines=reader.read(("HODEI_LOG_BATCH_SIZE",), _number(1, 100_000, int), 100),
        flush_seconds=reader.read(("HODEI_LOG_FLUSH_INTERVAL",), _number(1, 60_000, float), 100.0) / 1000,
        directory=reader.read(("HODEI_WORKER_DIR",), _directory, None) or reader.usual_directory(),
        spool_directory=reader.read(("HODEI_SPOOL_DIR",), _directory, None),
        drain_seconds=reader.read(("HODEI_DRAIN_TIMEOUT",), _number(0, 86_400, float), DRAIN_SECONDS),
        spool_bytes=reader.read(("HODEI_SPOOL_SIZE",), _size, CAPACITY_BYTES),
        disk=reader.read(("HODEI_WORKER_DISK",), str, DISK_NOT_HELD),
        image_entrypoint=reader.read(("HODEI_IMAGE_ENTRYPOINT",), _words, ()),
        in_image=reader.read(("HODEI_WORKER_IN_IMAGE",), _yes_or_no, False),
    )
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings


def addresses(text: str) -> str:
    """One address, or the servers of one control plane with commas between. Raise ValueError in words."""
    return ",".join(address(each.strip()) for each in text.split(","))


def address(text: str) -> str:
    """`host:port` from `http://host:port`, `host:port` or `host`. Raise ValueError in words."""
    if "://" in text:
        if not text.startswith("http://"):
            raise ValueError("only http:// is spoken (clear-text HTTP/2)")
        if urlsplit(text).path not in ("", "/"):
            raise ValueError("a server has no path")
        text = urlsplit(text).netloc
    split = urlsplit(f"//{text}")
    if not split.hostname or split.username is not None:
        raise ValueError("should be http://host:port or host:port")
    try:
        port = split.port or DEFAULT_PORT
    except ValueError as e:
        raise ValueError("the port should be a number up to 65535") from e
    host = f"[{split.hostname}]" if ":" in split.hostname else split.hostname
    return f"{host}:{port}"


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def read(self, names: tuple[str, ...], convert: Callable[[str], T], default: T) -> T:
        """The first of the variables that is set and not empty, converted.

        The default if none is or it is wrong.
        """
        for name in names:
            text = self._environ.get(name, "").strip()
            if text:
                try:
                    return convert(text)
                except ValueError as e:
                    self.problems.append(f"{name}={text!r}: {e}")
                    return default
        return default

    def usual_directory(self) -> Path:
        """Where jobs' files go unless the settings say; an image may have no temporary directory."""
        try:
            return default_base()
        except FileNotFoundError:
            self.problems.append("HODEI_WORKER_DIR is needed: no temporary directory here can be written to")
            return Path("/")

    def otp(self) -> str:
        """The one-time password from its variable, else from its file, which is then removed."""
        token = self._environ.get("HODEI_OTP_TOKEN", "").strip()
        path = self._environ.get("HODEI_OTP_FILE", "")
        if token:
            return token
        if not path:
            self.problems.append("HODEI_OTP_TOKEN or HODEI_OTP_FILE is needed to register")
            return ""
        try:
            token = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as e:
            self.problems.append(f"HODEI_OTP_FILE={path!r}: cannot be read: {e}")
            return ""
        if not token:
            self.problems.append(f"HODEI_OTP_FILE={path!r}: is empty")
        _remove(path)
        return token


def _remove(path: str) -> None:
    # It may be mounted read-only, as a Kubernetes secret is; the password works once only anyway.
    with suppress(OSError):
        os.unlink(path)


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as e:
        raise ValueError("should be a UUID") from e


def _level(text: str) -> str:
    if text.lower() not in LEVELS:
        raise ValueError(f"should be one of {', '.join(LEVELS)}")
    return LEVELS[text.lower()]


def _rust_level(directives: str) -> str:
    """The most detailed level that a RUST_LOG names; INFO if it names none."""
    named = (each.rpartition("=")[2].strip().lower() for each in directives.split(","))
    return min((LEVELS[word] for word in named if word in LEVELS), key=DETAIL.index, default="INFO")


def _directory(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise ValueError("should be an absolute path")
    return path


def _size(text: str) -> int:
    """Bytes, from a number with one of the units of UNITS."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    factor = UNITS.get(text[len(number) :].strip().lower())
    if not number.isdecimal() or factor is None:
        raise ValueError("should be a size with its unit, such as 64MiB or 1GiB")
    if not LEAST_SPOOL <= int(number) * factor <= MOST_SPOOL:
        raise ValueError("should be from 1MiB to 1TiB")
    return int(number) * factor


def _words(text: str) -> tuple[str, ...]:
    try:
        words = json.loads(text)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("should be a JSON list of words")
    return tuple(words)


def _yes_or_no(text: str) -> bool:
    if text.lower() not in (*YES, *NO):
        raise ValueError(f"should be {YES[0]} or {NO[0]}")
    return text.lower() in YES


def _number(least: float, most: float, convert: Callable[[str], T]) -> Callable[[str], T]:
    def number(text: str) -> T:
        try:
            value = convert(text)
        except ValueError as e:
            raise ValueError("should be a number") from e
        if not least <= value <= most:  # type: ignore[operator]  # int or float, as `convert` makes them
            raise ValueError(f"should be from {least:g} to {most:g}")
        return value

    return number
