"""The options that describe a job, and the job definition they make."""

from __future__ import annotations

import getpass
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hodei_cli.errors import UsageProblem
from hodei_cli.parse import DURATION, PAIR, SIZE, env_file
from hodei_cli.views import LOST, PULLS

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import JobDefinition, RetryPolicy, ScriptCommand, TimeoutConfig

F = TypeVar("F", bound=Callable[..., Any])

PRIORITIES = ("low", "normal", "high", "critical")

_OPTIONS = (
    click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[--] COMMAND..."),
    click.option(
        "--shell", metavar="LINE", help="A line for the shell instead of a command: 'make && make test'."
    ),
    click.option(
        "--script",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True),
        help="A script file instead of a command; - is standard input. Its text travels with the job.",
    ),
    click.option(
        "--interpreter",
        metavar="NAME",
        help="What runs the script: bash, python, node, a path. Else its #! line.",
    ),
    click.option("--lenient", is_flag=True, help="Do not put `set -euo pipefail` before a bash script."),
    click.option("--name", help="What the job is called in lists. Else its program's name."),
    click.option("--description", default="", help="A sentence for those who wonder later."),
    click.option(
        "-e",
        "--env",
        metavar="NAME=VALUE",
        multiple=True,
        help="A variable of the job. NAME alone passes on your own.",
    ),
    click.option(
        "--env-file",
        type=click.Path(exists=True, dir_okay=False),
        multiple=True,
        help="A file of NAME=VALUE lines.",
    ),
    click.option(
        "--workdir",
        metavar="DIR",
        help="Where the command starts. Else a private directory, for `hodei run` here the one you are in.",
    ),
    click.option("--stdin", is_flag=True, help="Give the job the text on your standard input."),
    click.option("--timeout", type=DURATION, help="How long the command may run: 90s, 5m, 1h30m."),
    click.option("--queue-timeout", type=DURATION, help="How long it may wait for a worker."),
    click.option("--silence-timeout", type=DURATION, help="How long it may write nothing."),
    click.option("--total-timeout", type=DURATION, help="From queueing to the end, over all attempts."),
    click.option("--grace", type=DURATION, help="Between asking it to stop and killing it. [10s]"),
    click.option(
        "--retry", type=click.IntRange(0, 1000), default=0, help="How often to try again after a failure. [0]"
    ),
    click.option(
        "--on-worker-lost", type=click.Choice(LOST), default="retry", help="When its worker is lost. [retry]"
    ),
    click.option(
        "--priority", type=click.Choice(PRIORITIES), default="normal", help="Higher goes first. [normal]"
    ),
    click.option("--image", default="", help="The container image to run in."),
    click.option(
        "--pull",
        type=click.Choice(PULLS),
        default="missing",
        help="When the image is fetched: always anew, if it is missing, never. [missing]",
    ),
    click.option(
        "--user",
        default="",
        metavar="UID[:GID]",
        help="Who the job is in its container. Else the image's own user, root included.",
    ),
    click.option(
        "--entrypoint",
        default="",
        metavar="image|PROGRAM",
        help="What goes before the command: `image` for the image's ENTRYPOINT. Else nothing does.",
    ),
    click.option("--cpu", type=click.FloatRange(0, min_open=True), help="Processor cores: 0.5, 2."),
    click.option("--memory", type=SIZE, help="Memory: 512Mi, 2G; a bare number is MiB."),
    click.option("--disk", type=SIZE, help="Disk space."),
    click.option("--gpu", type=click.IntRange(1), help="Graphics processors."),
    click.option("--arch", default="", help="Processor architecture: x86_64, arm64."),
    click.option("--provider", default="", help="Run it on this provider only."),
    click.option("--region", default="", help="Run it in this region only."),
    click.option(
        "--prefer-provider", default="", metavar="NAME", help="Run it on this provider if that can take it."
    ),
    click.option(
        "--max-budget", type=click.FloatRange(0, 1e12, min_open=True), help="Most it may cost, by --timeout."
    ),
    click.option("--prefer-region", default="", metavar="NAME", help="Run it in this region if that can be."),
    click.option(
        "--require", type=PAIR, metavar="LABEL=VALUE", multiple=True, help="Only a worker with this label."
    ),
    click.option(
        "--label", type=PAIR, metavar="NAME=VALUE", multiple=True, help="A label of the job, to find it by."
    ),
    click.option("--tag", multiple=True, help="A tag of the job."),
    click.option("--queued-by", help="Whose job it is: owners take turns. [you]"),
    click.option("--key", default="", help="The same key is the same job, however often it is sent."),
    click.option("--drop-logs", is_flag=True, help="Lose output, visibly, rather than slow the job down."),
)


def job_options(function: F) -> F:
    """Give a command the options that describe a job. Options end where the job's own command begins."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


OPTIONS_END_AT_COMMAND = {"allow_interspersed_args": False}


def definition(options: Mapping[str, Any]) -> JobDefinition:
    """The job that the options describe. Raise UsageProblem, naming the option, if they describe none."""
    from hodei_proto.wire.hodei import (
        Constraint,
        ImagePullPolicy,
        JobDefinition,
        PriorityLevel,
        SchedulingInfo,
        WorkerLostPolicy,
    )

    job = JobDefinition(
        description=options["description"],
        environment=environment(options["env"], options["env_file"], os.environ),
        timeout=_clocks(options),
        tags=list(options["tag"]),
        image=options["image"],
        pull=ImagePullPolicy(PULLS.index(options["pull"])),
        user=options["user"],
        entrypoint=options["entrypoint"],
        retry=_retry(options["retry"]),
        on_worker_lost=WorkerLostPolicy(LOST.index(options["on_worker_lost"])),
        provider=options["provider"],
        region=options["region"],
        max_budget=options["max_budget"] or 0.0,
        preferred_provider=options["prefer_provider"],
        preferred_region=options["prefer_region"],
        constraints=[Constraint(key=k, operator="Eq", values=[v]) for k, v in options["require"]],
        labels=dict(options["label"]),
        architecture=options["arch"],
        idempotency_key=options["key"],
        working_dir=options["workdir"] or "",
        drop_logs=options["drop_logs"],
        scheduling=SchedulingInfo(priority=PriorityLevel(PRIORITIES.index(options["priority"]))),
    )
    _set_resources(job, options)
    _set_command(job, options)
    if options["stdin"]:
        job.stdin = _text_on_stdin(options)
    return job


def owner(options: Mapping[str, Any]) -> str:
    """Whose job it is: --queued-by, else the user's own name."""
    if options["queued_by"]:
        return str(options["queued_by"])
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in some containers
        return str(os.getuid())


def environment(settings: Sequence[str], files: Sequence[str], own: Mapping[str, str]) -> dict[str, str]:
    """Variables of the files, then those of --env over them; a NAME alone is taken from `own`."""
    found: dict[str, str] = {}
    for path in files:
        try:
            found |= env_file(Path(path).read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise UsageProblem(f"--env-file {path}: {error}") from error
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not name:
            raise UsageProblem(f"--env {setting}: is not NAME=VALUE")
        if not equals and name not in own:
            raise UsageProblem(
                f"--env {name}: you have no such variable to pass on", f"Give it one: --env {name}=…"
            )
        found[name] = value if equals else own[name]
    return found


def _set_command(job: JobDefinition, options: Mapping[str, Any]) -> None:
    command, line, path = options["command"], options["shell"], options["script"]
    if sum(map(bool, (command, line, path))) != 1:
        raise UsageProblem(
            "one thing to run is needed: a command, --shell LINE or --script FILE",
            "hodei run -- echo hello",
            "hodei run --shell 'make && make test'",
        )
    if (options["interpreter"] or options["lenient"]) and not path:
        raise UsageProblem("--interpreter and --lenient are about a --script, and there is none")
    if path:
        job.script = _script(path, options["interpreter"], options["lenient"])
        name = Path(path).name
    elif line:
        job.command = line
        name = " ".join(line.split()[:1]) or "shell"
    else:
        job.command, job.arguments = as_program(command)
        name = os.path.basename(command[0]) or command[0]
    job.name = options["name"] or name[:256]


def as_program(words: Sequence[str]) -> tuple[str, list[str]]:
    """Command and arguments on the wire so that `words` is executed as it is.

    There, a command without arguments is a line for the shell: a lone word is quoted so that it stays one.
    """
    if not words[0]:
        raise UsageProblem("the command's name is empty")
    return (words[0], list(words[1:])) if len(words) > 1 else (shlex.quote(words[0]), [])


def _script(path: str, interpreter: str | None, lenient: bool) -> ScriptCommand:
    from hodei_proto.wire.hodei import ScriptCommand

    try:
        content = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise UsageProblem(f"--script {path}: {error}") from error
    return ScriptCommand(
        interpreter=interpreter or interpreter_of(content), content=content, not_strict=lenient
    )


def interpreter_of(content: str) -> str:
    """What the script's first line names: the program, without its directory; bash if it names none."""
    first = content.split("\n", 1)[0]
    if not first.startswith("#!"):
        return "bash"
    words = first[2:].split()
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    if not words:
        return "bash"
    known = os.path.basename(words[0])
    return {"python3": "python"}.get(known, known) if known in KNOWN else words[0]


KNOWN = ("bash", "sh", "python", "python3", "node")


def _text_on_stdin(options: Mapping[str, Any]) -> str:
    if options["script"] == "-":
        raise UsageProblem("--stdin: standard input is the script already")
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageProblem(
            "--stdin: only text (UTF-8) can be given to a job", "Encode it: base64 file | …"
        ) from error


def _clocks(options: Mapping[str, Any]) -> TimeoutConfig | None:
    from hodei_proto.wire.hodei import TimeoutConfig

    clocks: dict[str, Any] = {
        "execution_timeout": options["timeout"],
        "queue_timeout": options["queue_timeout"],
        "no_output_timeout": options["silence_timeout"],
        "total_timeout": options["total_timeout"],
        "cleanup_timeout": options["grace"],
    }
    return TimeoutConfig(**clocks) if any(clocks.values()) else None


def _retry(again: int) -> RetryPolicy | None:
    from hodei_proto.wire.hodei import RetryPolicy

    return RetryPolicy(max_attempts=again + 1) if again else None


def _set_resources(job: JobDefinition, options: Mapping[str, Any]) -> None:
    from hodei_proto.wire.hodei import ResourceRequirements

    asked = {
        "cpu_cores": options["cpu"],
        "memory_bytes": options["memory"],
        "disk_bytes": options["disk"],
        "gpu_count": options["gpu"],
    }
    given = {key: value for key, value in asked.items() if value is not None}
    if given:
        job.requirements = ResourceRequirements(**given)
