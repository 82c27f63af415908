"""What a job is to do: command, surroundings, resources, clocks, retry. Checked once, when it is made."""

import posixpath
import shlex
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from enum import Enum, IntEnum
from typing import Any

from attrs import field, frozen

from hodei_domain.kernel.checks import (
    check_labels,
    check_text,
    check_texts,
    lasting,
    one_of,
    text,
    whole,
    within,
)
from hodei_domain.kernel.converters import number_set, text_set, texts
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.values import (
    UNASKED,
    Constraint,
    Operator,
    PullPolicy,
    Resources,
    check_user,
    copied,
)

__all__ = [
    "Clocks",
    "Command",
    "Constraint",
    "JobSpec",
    "OnWorkerLost",
    "Operator",
    "Priority",
    "PullPolicy",
    "Resources",
    "RetryRules",
    "Script",
    "Shell",
]

MAX_ARGUMENT = (
    128 * 1024 - 1
)  # Linux: MAX_ARG_STRLEN is 32 pages, the NUL included; longer ones fail in execve
MAX_TEXT = (
    16 * 1024 * 1024
)  # characters of a script or an input; hodei_domain.jobs.order has the whole's limit
MAX_EXECUTED = 6 * 1024 * 1024
"""Bytes of all arguments, and of all variables. Linux's execve never takes more of both together (3/4 of the
8 MiB that a stack has at first), and usually a quarter of `ulimit -s`: 2 MiB. The worker's machine decides.
"""
LONGEST = timedelta(days=366)


def _check_argument(argument: str, name: str) -> None:
    check_text(argument, name, MAX_ARGUMENT)
    if not argument.isascii() and len(argument.encode()) > MAX_ARGUMENT:
        raise InvalidInput(f"is longer than {MAX_ARGUMENT} bytes", field=name)


def _check_command(_: Any, __: Any, command: str) -> None:
    _check_argument(command, "command")
    if not command.strip():
        raise InvalidInput("is empty", field="command")


def _check_arguments(_: Any, __: Any, arguments: tuple[str, ...]) -> None:
    for position, argument in enumerate(arguments):
        _check_argument(argument, f"arguments[{position}]")
    if sum(len(argument.encode()) for argument in arguments) > MAX_EXECUTED:
        raise InvalidInput(f"are longer than {MAX_EXECUTED} bytes together", field="arguments")


@frozen
class Shell:
    """A command line for a shell, or, with arguments, a program that is executed as it is."""

    command: str = field(validator=_check_command)
    arguments: tuple[str, ...] = field(default=(), converter=texts, validator=_check_arguments)


def _check_interpreter(_: Any, __: Any, interpreter: str) -> None:
    check_text(interpreter, "interpreter", 4096)
    if not interpreter.strip():
        raise InvalidInput("is empty", field="interpreter")


def _check_content(_: Any, __: Any, content: str) -> None:
    check_text(content, "script", MAX_TEXT)
    if not content.strip():
        raise InvalidInput("is empty", field="script")


@frozen
class Script:
    """A script and who reads it: bash, sh, python, node or a path.

    `strict` puts `set -euo pipefail` before bash scripts.
    """

    interpreter: str = field(validator=_check_interpreter)
    content: str = field(validator=_check_content, repr=False)
    strict: bool = True


Command = Shell | Script


class Priority(IntEnum):
    """Who goes first. The numbers are those on the wire."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    CRITICAL = 3


class OnWorkerLost(Enum):
    """What becomes of a job whose worker is lost: nobody knows whether it ran."""

    RETRY = "RETRY"
    FAIL = "FAIL"
    HOLD = "HOLD"


@frozen(kw_only=True)
class Clocks:
    """How long each phase may last; None is without limit.

    queue: from entering the queue to being assigned. execution: from start to end of the process. no_output:
    without a byte from it. total: from submission to the end, over all attempts. grace: between TERM and
    KILL.
    """

    queue: timedelta | None = field(default=None, validator=lasting(LONGEST))
    execution: timedelta | None = field(default=None, validator=lasting(LONGEST))
    no_output: timedelta | None = field(default=None, validator=lasting(LONGEST))
    total: timedelta | None = field(default=None, validator=lasting(LONGEST))
    grace: timedelta = field(default=timedelta(seconds=10), validator=lasting(timedelta(hours=1), zero=True))


def _check_codes(lowest: int, highest: int) -> Callable[[Any, Any, frozenset[int]], None]:
    def check(_: Any, attribute: Any, codes: frozenset[int]) -> None:
        for code in codes:
            if isinstance(code, bool) or not isinstance(code, int) or not lowest <= code <= highest:
                raise InvalidInput(
                    f"takes numbers from {lowest} to {highest}", field=f"retry.{attribute.name}"
                )

    return check


def _check_reasons(_: Any, __: Any, reasons: frozenset[str]) -> None:
    check_texts(sorted(reasons), "retry.reasons", 128, 64)


@frozen(kw_only=True)
class RetryRules:
    """How often a failing job is tried again, when, and after which failures.

    Without any rule every failure counts, except an end by a clock: that must be named in `reasons`. With
    rules a failure counts that matches one of them. The wait before try n+1 is `initial * factor ** (n - 1)`,
    at most `maximum`, give or take the share `jitter`.
    """

    max_attempts: int = field(default=1, validator=whole(1, 1000))
    initial: timedelta = field(default=timedelta(seconds=1), validator=lasting(LONGEST, zero=True))
    factor: float = field(default=2.0, validator=within(1, 100))
    maximum: timedelta = field(default=timedelta(minutes=5), validator=lasting(LONGEST, zero=True))
    jitter: float = field(default=0.2, validator=within(0, 1))
    exit_codes: frozenset[int] = field(
        default=frozenset(), converter=number_set, validator=_check_codes(-1, 255)
    )
    signals: frozenset[int] = field(default=frozenset(), converter=number_set, validator=_check_codes(1, 64))
    reasons: frozenset[str] = field(default=frozenset(), converter=text_set, validator=_check_reasons)


def _check_environment(_: Any, __: Any, environment: Mapping[str, str]) -> None:
    size = 0
    for name, value in environment.items():
        check_text(name, "environment", 4096)
        if not name or "=" in name:
            raise InvalidInput(f"{name!r} is not the name of a variable", field="environment")
        _check_argument(value, f"environment.{name}")
        size += len(name.encode()) + len(value.encode())
    if size > MAX_EXECUTED:
        raise InvalidInput(f"is longer than {MAX_EXECUTED} bytes", field="environment")


def _check_labels(_: Any, attribute: Any, labels: Mapping[str, str]) -> None:
    check_labels(labels, attribute.name)


def _check_tags(_: Any, __: Any, tags: Iterable[str]) -> None:
    check_texts(tags, "tags", 256, 256)


def _conditions(constraints: Iterable[Constraint]) -> tuple[Constraint, ...]:
    return tuple(constraints)


def _check_constraints(_: Any, __: Any, constraints: tuple[Constraint, ...]) -> None:
    if len(constraints) > 64:
        raise InvalidInput("has more than 64 entries", field="constraints")


def _check_budget(_: Any, attribute: Any, budget: float | None) -> None:
    if budget is not None:
        within(0, 1e12)(_, attribute, budget)


def _check_stdin(_: Any, __: Any, stdin: str | None) -> None:
    if stdin is not None:
        check_text(stdin, "stdin", MAX_TEXT)


def _check_user(_: Any, __: Any, user: str) -> None:
    check_text(user, "user", 32)
    check_user(user, "user")


IMAGE_ENTRYPOINT = "image"


def _check_entrypoint(_: Any, __: Any, entrypoint: str) -> None:
    check_text(entrypoint, "entrypoint", 4096)
    try:
        words = shlex.split(entrypoint)
    except ValueError as error:
        raise InvalidInput(f"{entrypoint!r} cannot be read as words: {error}", field="entrypoint") from None
    if entrypoint and not words:
        raise InvalidInput("is empty", field="entrypoint")


@frozen(kw_only=True)
class JobSpec:
    """Everything a person says about a job. Raises InvalidInput with the field's name.

    `max_losses` is the budget of lost workers, apart from `retry.max_attempts`. `provider` and `region` must
    hold; what is preferred gives way where it cannot be had. `max_budget` is in the currency of the
    provider's estimate. A job that runs on the machine `submit_host` itself, not in a container, starts in
    `submit_dir`; a relative `working_dir` is below that. `user` is UID[:GID] in a container, "" for the
    image's own. `entrypoint` goes before the command: `image` for the image's own, else a program and its
    first arguments; "" is none, whatever the image has. With
    `live_input` the standard input is sent while the job runs, and nothing of it is stored.
    """

    name: str = field(default="", validator=text(256))
    command: Command = field(validator=one_of(Shell, Script))
    environment: Mapping[str, str] = field(
        factory=dict, converter=copied, validator=_check_environment, repr=False
    )
    image: str = field(default="", validator=text(1024))
    pull: PullPolicy = field(default=PullPolicy.IF_NOT_PRESENT, validator=one_of(PullPolicy))
    user: str = field(default="", validator=_check_user)
    entrypoint: str = field(default="", validator=_check_entrypoint)
    resources: Resources = field(default=UNASKED, validator=one_of(Resources))
    constraints: tuple[Constraint, ...] = field(
        default=(), converter=_conditions, validator=_check_constraints
    )
    provider: str = field(default="", validator=text(256))
    region: str = field(default="", validator=text(256))
    preferred_provider: str = field(default="", validator=text(256))
    preferred_region: str = field(default="", validator=text(256))
    priority: Priority = field(default=Priority.NORMAL, validator=one_of(Priority))
    clocks: Clocks = field(default=Clocks(), validator=one_of(Clocks))
    retry: RetryRules = field(default=RetryRules(), validator=one_of(RetryRules))
    on_worker_lost: OnWorkerLost = field(default=OnWorkerLost.RETRY, validator=one_of(OnWorkerLost))
    max_losses: int = field(default=3, validator=whole(0, 1000))
    max_budget: float | None = field(default=None, validator=_check_budget)
    working_dir: str = field(default="", validator=text(4096))
    submit_dir: str = field(default="", validator=text(4096))
    submit_host: str = field(default="", validator=text(256))
    description: str = field(default="", validator=text(65536))
    labels: Mapping[str, str] = field(factory=dict, converter=copied, validator=_check_labels)
    tags: tuple[str, ...] = field(default=(), converter=texts, validator=_check_tags)
    stdin: str | None = field(default=None, validator=_check_stdin, repr=False)
    live_input: bool = False
    drop_logs: bool = False

    def __attrs_post_init__(self) -> None:
        if self.live_input and self.stdin is not None:
            raise InvalidInput("the standard input comes live, so it cannot be given here too", field="stdin")
        if self.entrypoint == IMAGE_ENTRYPOINT and not self.image:
            raise InvalidInput("`image` needs an image whose entrypoint is meant", field="entrypoint")

    def start_dir(self, host: str, *, in_container: bool) -> str:
        """Where the job starts on a worker of that machine; "" for a directory of its own."""
        if in_container or not self.submit_dir or host != self.submit_host:
            return self.working_dir
        return posixpath.join(self.submit_dir, self.working_dir).rstrip("/") or "/"
