"""Refusals of a server are told in the words of the command line."""

from typing import Any

import click
import pytest
from grpc import StatusCode
from hodei_cli.main import run
from hodei_cli.naming import PARAMETERS, parameter_of
from hodei_cli.root import COMMANDS, hodei
from hodei_grpc.methods import JobExecutionService
from hodei_proto.wire import hodei as wire

JOB = "job_definition."


def context(line: str, **given: Any) -> click.Context:
    command: click.Command = hodei
    for word in line.split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    found_context = click.Context(command)
    found_context.params = given
    return found_context


@pytest.mark.parametrize(
    ("line", "field", "shown"),
    [
        ("job get", "job_id.value", "JOB_ID"),
        ("logs get", "job_id", "JOB_ID"),
        ("worker drain", "worker_id", "WORKER_ID"),
        ("audit list", "correlation_id", "ABOUT"),
        ("provider get", "name_or_id", "NAME"),
        ("job list", "queued_by", "--by"),
        ("run", "queued_by", "--queued-by"),
        ("job list", "status", "--state"),
        ("worker list", "state", "--state"),
        ("run", JOB + "timeout.execution_timeout", "--timeout"),
        ("run", JOB + "timeout.queue_timeout", "--queue-timeout"),
        ("run", JOB + "timeout.cleanup_timeout", "--grace"),
        ("run", JOB + "retry.max_attempts", "--retry"),
        ("run", JOB + "labels.image", "--label"),
        ("run", JOB + "tags[0]", "--tag"),
        ("run", JOB + "environment.PATH", "--env"),
        ("run", JOB + "script.content", "--script"),
        ("run", JOB + "script.interpreter", "--interpreter"),
        ("run", JOB + "arguments", "COMMAND"),
        ("run", JOB + "requirements.cpu_cores", "--cpu"),
        ("provider set", "provider.pools[0].rules.min_idle", "--min-idle"),
        ("provider set", "provider.pools[0].resources.memory_bytes", "--memory"),
        ("scheduler config", "config.requeue_delay", "--requeue-delay"),
        ("job list", "cursor", None),
    ],
)
def test_a_field_of_the_wire_is_the_parameter_it_was_made_from(
    line: str, field: str, shown: str | None
) -> None:
    assert parameter_of(field, context(line)) == shown


def test_of_two_that_make_a_field_the_one_that_was_used_is_named() -> None:
    assert parameter_of(JOB + "command", context("run", shell="x", command=())) == "--shell"
    assert parameter_of(JOB + "command", context("run", shell=None, command=("x",))) == "COMMAND"


def test_every_parameter_that_the_table_names_is_one_of_some_command() -> None:
    def all_of(command: click.Command) -> set[str]:
        below = command.list_commands(click.Context(command)) if isinstance(command, click.Group) else []
        own = {param.name or "" for param in command.params}
        for word in below:
            found = command.get_command(click.Context(command), word)  # type: ignore[attr-defined]
            own |= all_of(found)
        return own

    assert COMMANDS
    assert {name for names in PARAMETERS.values() for name in names} <= all_of(hodei)


def test_the_message_names_the_option(server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_: wire.ListJobsRequest) -> None:
        server.refuse(StatusCode.INVALID_ARGUMENT, "queued_by: is too long", field="queued_by")

    server.answers[JobExecutionService.list_jobs] = refuse
    assert run(["job", "list", "--by", "x"]) == 64
    assert capsys.readouterr().err == "hodei: --by: is too long\n"
