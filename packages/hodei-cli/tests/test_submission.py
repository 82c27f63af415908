"""Options become a job definition; every refusal names its option."""

from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hodei_cli.errors import UsageProblem
from hodei_cli.groups import command
from hodei_cli.submission import (
    OPTIONS_END_AT_COMMAND,
    as_program,
    definition,
    environment,
    interpreter_of,
    job_options,
    owner,
)
from hodei_proto.wire.hodei import ImagePullPolicy, JobDefinition, PriorityLevel, WorkerLostPolicy


def described(*words: str, stdin: bytes = b"") -> JobDefinition:
    """The job that a command line describes. Raises what the command would raise."""
    found: list[JobDefinition] = []

    @command(context_settings=OPTIONS_END_AT_COMMAND)
    @job_options
    def run(**options: object) -> None:
        found.append(definition(options))

    done = CliRunner().invoke(run, words, input=stdin, standalone_mode=False)
    if done.exception:
        raise done.exception
    return found[0]


def test_a_command_is_executed_as_it_is() -> None:
    job = described("--", "echo", "two words", "$HOME")
    assert (job.command, job.arguments) == ("echo", ["two words", "$HOME"])
    assert job.name == "echo"


def test_options_behind_the_command_are_the_commands_own() -> None:
    job = described("--name", "list", "ls", "--name", "-l")
    assert (job.name, job.arguments) == ("list", ["--name", "-l"])


def test_a_lone_word_stays_one_word_where_the_server_has_a_shell_read_it() -> None:
    assert as_program(["true"]) == ("true", [])
    assert as_program(["./my prog; rm -rf x"]) == ("'./my prog; rm -rf x'", [])


def test_a_line_for_the_shell_is_passed_on_unchanged() -> None:
    job = described("--shell", "a && b | c")
    assert (job.command, job.arguments, job.name) == ("a && b | c", [], "a")


def test_a_script_travels_with_the_job(tmp_path: Path) -> None:
    script = tmp_path / "deploy.py"
    script.write_text("#!/usr/bin/env python3\nprint('é')\n")
    job = described("--script", str(script))
    assert job.script is not None
    assert (job.script.interpreter, job.script.content, job.name) == (
        "python",
        script.read_text(),
        "deploy.py",
    )
    assert job.command == ""


def test_a_script_may_come_on_standard_input() -> None:
    job = described("--script", "-", "--interpreter", "sh", "--lenient", stdin=b"echo hi\n")
    assert job.script is not None
    assert (job.script.interpreter, job.script.content, job.script.not_strict) == ("sh", "echo hi\n", True)


@pytest.mark.parametrize(
    ("first_line", "interpreter"),
    [
        ("echo hi", "bash"),
        ("#!/bin/sh", "sh"),
        ("#!/bin/bash -x", "bash"),
        ("#!/usr/bin/env node", "node"),
        ("#!/usr/bin/env -S python3 -u", "python"),
        ("#!/opt/perl/bin/perl -w", "/opt/perl/bin/perl"),
        ("#!", "bash"),
    ],
)
def test_a_scripts_first_line_names_its_interpreter(first_line: str, interpreter: str) -> None:
    assert interpreter_of(first_line + "\nrest\n") == interpreter


@pytest.mark.parametrize(
    "words", [[], ["--shell", "a", "b"], ["--shell", "a", "--script", "-"], ["--lenient", "true"], ["--", ""]]
)
def test_what_is_no_one_thing_to_run_is_refused(words: list[str]) -> None:
    with pytest.raises((UsageProblem, click.UsageError)):
        described(*words)


def test_clocks_resources_and_policies_reach_the_definition() -> None:
    job = described(
        *("--timeout", "2s", "--queue-timeout", "5m", "--silence-timeout", "1m", "--total-timeout", "1h"),
        *("--grace", "3s", "--retry", "2", "--on-worker-lost", "hold", "--priority", "critical"),
        *("--cpu", "0.5", "--memory", "64", "--disk", "1G", "--gpu", "1", "--arch", "arm64"),
        *("--require", "zone=a", "--label", "team=x", "--tag", "t", "--provider", "local", "--region", "eu"),
        *("--prefer-provider", "near", "--prefer-region", "us"),
        *("--image", "alpine", "--pull", "always", "--key", "k", "--workdir", "/srv", "--drop-logs", "true"),
    )
    assert job.timeout is not None
    assert job.timeout.execution_timeout == timedelta(seconds=2)
    assert job.timeout.queue_timeout == timedelta(minutes=5)
    assert job.timeout.no_output_timeout == timedelta(minutes=1)
    assert job.timeout.total_timeout == timedelta(hours=1)
    assert job.timeout.cleanup_timeout == timedelta(seconds=3)
    assert job.retry is not None
    assert job.retry.max_attempts == 3
    assert job.on_worker_lost is WorkerLostPolicy.HOLD
    assert job.scheduling is not None
    assert job.scheduling.priority is PriorityLevel.PRIORITY_CRITICAL
    assert job.requirements is not None
    assert (job.requirements.cpu_cores, job.requirements.memory_bytes) == (0.5, 64 * 2**20)
    assert (job.requirements.disk_bytes, job.requirements.gpu_count) == (10**9, 1)
    assert [(c.key, c.operator, c.values) for c in job.constraints] == [("zone", "Eq", ["a"])]
    assert job.pull is ImagePullPolicy.ALWAYS
    assert (job.labels, job.tags, job.image, job.architecture) == ({"team": "x"}, ["t"], "alpine", "arm64")
    assert (job.provider, job.region, job.working_dir) == ("local", "eu", "/srv")
    assert (job.preferred_provider, job.preferred_region) == ("near", "us")
    assert (job.idempotency_key, job.drop_logs) == ("k", True)


def test_what_was_not_asked_for_is_left_unset() -> None:
    job = described("true")
    assert (job.timeout, job.retry, job.requirements, job.stdin) == (None, None, None, None)


def test_variables_come_from_files_options_and_the_callers_own() -> None:
    assert environment(["A=1", "B", "C="], [], {"B": "own", "D": "not asked for"}) == {
        "A": "1",
        "B": "own",
        "C": "",
    }


def test_an_option_outdoes_a_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("A=file\nB=file\n")
    assert environment(["A=option"], [str(file)], {}) == {"A": "option", "B": "file"}


def test_a_variable_that_the_caller_does_not_have_is_named() -> None:
    with pytest.raises(UsageProblem, match="--env NOPE"):
        environment(["NOPE"], [], {})


def test_a_wrong_env_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("nonsense\n")
    with pytest.raises(UsageProblem, match=r"--env-file .*env: line 1"):
        environment([], [str(file)], {})


def test_text_on_standard_input_is_given_to_the_job() -> None:
    assert described("--stdin", "cat", stdin="grüße\n".encode()).stdin == "grüße\n"


def test_binary_input_is_refused_in_words() -> None:
    with pytest.raises(UsageProblem, match="--stdin: only text"):
        described("--stdin", "cat", stdin=b"\xff\xfe")


def test_the_owner_is_the_user_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ana")
    assert owner({"queued_by": None}) == "ana"
    assert owner({"queued_by": "ci"}) == "ci"


def test_a_name_is_never_longer_than_the_server_takes() -> None:
    assert len(described("--shell", "x" * 1000).name) == 256


def test_a_wrong_duration_names_its_option() -> None:
    with pytest.raises(click.BadParameter, match="soon") as refusal:
        described("--timeout", "soon", "true")
    assert "--timeout" in refusal.value.format_message()
