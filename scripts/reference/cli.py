"""docs/reference/cli.md: every command with its arguments and options, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click
from hodei_cli.exits import Exit
from hodei_cli.options import SHARED_NAMES
from hodei_cli.root import hodei

from reference.markdown import code, table


def page() -> str:
    """The page."""
    context = click.Context(hodei, info_name="hodei", max_content_width=100)
    shared = [each for each in hodei.get_params(context) if each.name in SHARED_NAMES]
    commands = "\n\n".join(_command(each) for each in _below(context))
    exits = ([str(int(each)), each.name.lower().replace("_", " ")] for each in Exit)
    return f"""\
# Command line

`hodei COMMAND --help` shows the same. Options of every command:

{_options(shared, context)}

{commands}

## Exit statuses

`hodei run` ends with the status of its job. Everything else, and `hodei run` where there is no such status:

{table(["Status", "Meaning"], exits)}
"""


def _below(context: click.Context) -> Iterator[click.Context]:
    """The contexts of all commands, a group before what is in it."""
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        below = click.Context(command, parent=context, info_name=name, max_content_width=100)
        yield below
        if isinstance(command, click.Group):
            yield from _below(below)


def _command(context: click.Context) -> str:
    command = context.command
    usage = command.get_usage(context).removeprefix("Usage: ")
    own = [each for each in command.get_params(context) if each.name not in {*SHARED_NAMES, "help"}]
    parts = [f"## `{context.command_path}`", _help(command), f"```text\n{usage}\n```", _options(own, context)]
    return "\n\n".join(each for each in parts if each)


def _help(command: click.Command) -> str:
    """The help text; click keeps a paragraph after its mark \\b as it is, markdown in a block of code."""
    text = inspect.cleandoc(command.help or "")
    return "\n\n".join(map(_paragraph, text.split("\n\n")))


def _paragraph(text: str) -> str:
    if text.startswith("\b"):
        lines = text.removeprefix("\b").strip("\n")
        return f"```text\n{lines}\n```"
    return text


def _options(params: list[click.Parameter], context: click.Context) -> str:
    records = [each.get_help_record(context) for each in params]
    rows = [[code(record[0]), record[1]] for record in records if record is not None]
    return table(["Option", "Meaning"], rows) if rows else ""
