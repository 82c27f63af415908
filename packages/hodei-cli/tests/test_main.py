"""One clear line and the right status for whatever goes wrong; nothing slow for --help."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from hodei_cli.exits import Exit
from hodei_cli.groups import Group
from hodei_cli.main import run
from hodei_cli.root import COMMANDS, hodei

SLOW = {
    "grpc",
    "asyncio",
    "rich",
    "sqlalchemy",
    "yaml",
    "attr",
    "betterproto2",
    "google.protobuf",
    "hodei_proto",
}


def every_command() -> Iterator[tuple[str, click.Command]]:
    ctx = click.Context(hodei)
    pending: list[tuple[str, click.Command]] = [("hodei", hodei)]
    while pending:
        path, command = pending.pop()
        yield path, command
        if isinstance(command, Group):
            for name in command.list_commands(ctx):
                found = command.get_command(ctx, name)
                assert found is not None
                pending.append((f"{path} {name}", found))


ALL = dict(every_command())


def loaded(*arguments: str) -> set[str]:
    """Modules that a run of the command line loads."""
    script = (
        "import sys; from hodei_cli.main import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["completion", "bash"], ["job", "--help"]])
def test_help_loads_nothing_slow(arguments: list[str]) -> None:
    assert not SLOW & loaded(*arguments)


def test_the_list_of_commands_says_what_the_commands_say() -> None:
    ctx = click.Context(hodei)
    for name, lazy in COMMANDS.items():
        command = hodei.get_command(ctx, name)
        assert command is not None
        assert command.name == name
        assert command.get_short_help_str(limit=80) == lazy.summary


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_help_with_examples(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path.split()[1:], "--help"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert path in shown.split("Example")[1]


@pytest.mark.parametrize("path", [path for path, command in ALL.items() if not isinstance(command, Group)])
def test_every_option_says_what_it_does(path: str) -> None:
    for param in ALL[path].params:
        if isinstance(param, click.Option):
            assert param.help, f"{path} {param.name}"


def test_an_unknown_command_is_named_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs"]) == Exit.USAGE
    assert capsys.readouterr().err == (
        "hodei: There is no command 'jobs'. Did you mean 'job'?\n  hodei --help shows how it is used\n"
    )


def test_an_unknown_option_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--loud"]) == Exit.USAGE
    assert "--loud" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--output", "json", "version"], ["version", "--output", "json"]])
def test_shared_options_stand_before_or_behind_the_command(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == Exit.OK
    assert capsys.readouterr().out.startswith("{")


def test_the_nearer_option_wins(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-o", "yaml", "version", "-o", "json"]) == Exit.OK
    assert capsys.readouterr().out.startswith("{")


def test_a_wrong_environment_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HODEI_OUTPUT", "xml")
    assert run(["version"]) == Exit.USAGE
    assert capsys.readouterr().err == "hodei: HODEI_OUTPUT=xml: one of table, json, yaml is understood\n"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """`hodei version` raises what is put in here."""
    errors: list[BaseException] = []

    def fail() -> str:
        raise errors[0]

    monkeypatch.setattr("hodei_cli.commands.version.text", fail)
    return errors


def test_a_bug_is_one_line_and_no_traceback(
    broken: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    broken.append(ZeroDivisionError("it\nbroke"))
    assert run(["version"]) == Exit.BUG
    assert capsys.readouterr().err == (
        "hodei: this is a bug in Hodei: ZeroDivisionError: it broke\n  HODEI_DEBUG=1 shows it\n"
    )


def test_a_developer_may_ask_for_the_traceback(
    broken: list[BaseException], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HODEI_DEBUG", "1")
    broken.append(ZeroDivisionError("it broke"))
    assert run(["version"]) == Exit.BUG
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_130_and_quiet(broken: list[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    broken.append(KeyboardInterrupt())
    assert run(["version"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_who_leaves_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "hodei_cli", "--help"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == b""


def test_there_are_no_colours_where_nobody_looks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hodei_cli", "nonsense"],
        capture_output=True,
        check=False,
        env={**os.environ, "TERM": "xterm"},
    )
    assert b"\x1b" not in done.stderr
