"""The options every command understands, before the command's name or after it."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import click

from hodei_cli.errors import UsageProblem

OUTPUTS = ("table", "json", "yaml")
_KEY = "hodei_cli.options"


class Options(NamedTuple):
    """What the user asked for; None or "" where nothing was said."""

    server: str | None = None
    token: str | None = None
    output: str = "table"

    @property
    def structured(self) -> bool:
        """True when a program reads the answer."""
        return self.output != "table"


def current() -> Options:
    """The options of the command that runs, the environment's where the command line is silent."""
    given = click.get_current_context().meta.get(_KEY, {})
    output = given.get("output") or os.environ.get("HODEI_OUTPUT") or "table"
    if output not in OUTPUTS:
        raise UsageProblem(f"HODEI_OUTPUT={output}: one of {', '.join(OUTPUTS)} is understood")
    return Options(
        server=given.get("server") or os.environ.get("HODEI_SERVER") or None,
        token=given.get("token") or os.environ.get("HODEI_TOKEN") or None,
        output=output,
    )


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    # ctx.meta is shared by a command and its groups, so the one nearest to the command's end wins.
    if value is not None:
        ctx.meta.setdefault(_KEY, {})[param.name] = value


def shared() -> list[click.Parameter]:
    """New --server, --token and --output. No envvar: it would outdo what stands before the command."""
    return [
        click.Option(
            ["--server"],
            metavar="HOST:PORT",
            expose_value=False,
            callback=_remember,
            help=(
                "The server to talk to; of several, with commas, one that answers. "
                "[env: HODEI_SERVER; else the one of this machine]"
            ),
        ),
        click.Option(
            ["--token"],
            metavar="TOKEN",
            expose_value=False,
            callback=_remember,
            help="Who you are. [env: HODEI_TOKEN; else this machine's own token]",
        ),
        click.Option(
            ["-o", "--output"],
            type=click.Choice(OUTPUTS),
            expose_value=False,
            callback=_remember,
            help="How to answer. [env: HODEI_OUTPUT; else table]",
        ),
    ]


def single(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> str:
    """For a filter of one value, declared as multiple: a second one would win in silence and is refused."""
    if len(values) > 1:
        raise click.BadParameter("can be given once only", ctx, param)
    return values[0] if values else ""


SHARED_NAMES = frozenset({"server", "token", "output", "help"})
