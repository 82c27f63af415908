"""What the agent was told to run, and how it ended: the agent's own words, free of the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Shell:
    """A command line for /bin/sh or, when it has arguments, a program that is executed as it is."""

    command: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """A text that an interpreter runs. `strict` puts bash, and only bash, under `set -euo pipefail`."""

    interpreter: str
    content: str
    strict: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Resources that a job must not exceed; zero means not asked."""

    cpu_cores: float = 0.0
    memory_bytes: int = 0
    storage_bytes: int = 0  # held by whoever made the container around us, if at all

    def __bool__(self) -> bool:
        return bool(self.cpu_cores or self.memory_bytes)


@dataclass(frozen=True, slots=True)
class Key:
    """Names one attempt of one job: nothing about it is sent or believed without both."""

    job_id: str
    attempt: int

    def __str__(self) -> str:
        return f"{self.job_id}#{self.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One attempt to run. Durations are seconds; None means no such clock."""

    key: Key
    command: Shell | Script
    name: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    stdin: str | None = None
    live_input: bool = False  # the standard input comes over the stream
    asked: Asked = field(default_factory=Asked)
    execution_timeout: float | None = None
    no_output_timeout: float | None = None
    grace: float = 10.0
    drop_logs: bool = False
    entrypoint: str = ""  # goes before the command; `image`: what the image around us says


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended. `signal` is 0 unless one ended it; then `exit_code` is 128 + signal."""

    reason: str
    exit_code: int
    signal: int = 0
    message: str = ""
    started: bool = True
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0

    @property
    def success(self) -> bool:
        """True for a job that ran to its own end with exit code 0."""
        return self.reason == "exit" and self.exit_code == 0


class NotStarted(Exception):
    """The process of a job could not be started; says why in words for the job's owner."""

    def __init__(self, reason: str, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.reason = reason
        self.exit_code = exit_code

    @property
    def outcome(self) -> Outcome:
        """The end of an attempt that never had a process."""
        return Outcome(reason=self.reason, exit_code=self.exit_code, message=str(self), started=False)
