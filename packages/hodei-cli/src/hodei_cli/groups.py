"""Click's command and group with the shared options; a group loads a command's module when it is called.

`hodei --help` loads no command: what it prints stands in the table in `root.py`, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

import click

from hodei_cli.naming import in_terms_of
from hodei_cli.options import SHARED_NAMES, shared

F = TypeVar("F", bound=Callable[..., Any])


class Lazy(NamedTuple):
    """A command that is not loaded yet: `module:attribute`, its line in the list, the part of the list."""

    target: str
    summary: str
    section: str


class Command(click.Command):
    """A command that also takes --server, --token and --output, shown apart from its own options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(shared())

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command; what a server refuses names the option that it is about."""
        with in_terms_of(ctx):
            return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options first, the shared ones below."""
        _write_options(self, ctx, formatter)


class Group(click.Group):
    """A group of commands; `known` are the ones whose module is loaded when they are called."""

    command_class = Command

    def __init__(self, *args: Any, known: Mapping[str, Lazy] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = known or {}
        self.params.extend(shared())

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order in which they were declared."""
        return [*self.known, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load and return the command, or None if there is none of that name."""
        if cmd_name not in self.known:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.known[cmd_name].target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"There is no command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, without loading those that are not."""
        for section in dict.fromkeys(each.section for each in self.known.values()):
            rows = [(name, each.summary) for name, each in self.known.items() if each.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)
        if self.commands:
            with formatter.section("Commands"):
                formatter.write_dl(
                    [(name, each.get_short_help_str(limit=80)) for name, each in self.commands.items()]
                )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands first: they are what is looked for."""
        self.format_commands(ctx, formatter)
        _write_options(self, ctx, formatter)


def _write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    own: list[tuple[str, str]] = []
    common: list[tuple[str, str]] = []
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            (common if param.name in SHARED_NAMES else own).append(record)
    for title, rows in (("Options", own), ("Options of every command", common)):
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def command(**settings: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a `Command`; its docstring is the help."""
    return click.command(cls=Command, **settings)


def group(**settings: Any) -> Callable[[Callable[..., Any]], Group]:
    """Make a function a `Group`; its docstring is the help."""
    return click.group(cls=Group, **settings)
