"""`hodei dashboard`: open it in a browser."""

from __future__ import annotations

import os
import sys

import click

from hodei_cli.errors import CliError, NoServer
from hodei_cli.exits import Exit
from hodei_cli.groups import command
from hodei_cli.options import current
from hodei_cli.render import show_one
from hodei_cli.server import DEFAULT_PORT, data_dir, dialled, living
from hodei_cli.terminal import note


@command()
@click.option("--print", "only_print", is_flag=True, help="Print the address and open nothing.")
def dashboard(only_print: bool) -> None:
    """Open the dashboard in a browser.

    It is that of the server that runs on this machine. The address is printed, too; where there is no
    display only that. In development mode it asks for no token; else it asks for the one in the data
    directory.

    \b
    Examples:
      hodei dashboard
      hodei dashboard --print
      ssh -L 3000:localhost:3000 build-host     # then open http://localhost:3000 here
    """
    url = address()
    if current().structured:
        show_one({"url": url}, current().output)
    else:
        print(url, flush=True)
    if only_print or current().structured:
        return
    if not has_display():
        note("There is no display here: open that address in a browser.")
        return
    import webbrowser

    if not webbrowser.open(url):
        note("No browser could be started: open that address in one.")


def address() -> str:
    """The dashboard's URL. Raise NoServer, and CliError for a server that has none."""
    if current().server is not None:
        raise CliError(
            f"the dashboard of {current().server} is not announced here",
            Exit.USAGE,
            "Open http://HOST:3000 of that machine (HODEI_REST_PORT there), through SSH or a TLS proxy.",
        )
    running = living()
    if running is None:
        raise NoServer(f"localhost:{DEFAULT_PORT}", f"It would be announced in {data_dir()}.")
    if running.rest is None:
        raise CliError(
            f"the server at {running.address} serves no dashboard",
            Exit.UNAVAILABLE,
            "`hodei up` does; hodei-server alone does not.",
        )
    return f"http://{dialled(running.rest)}"


def has_display() -> bool:
    """Whether a browser would have somewhere to show itself."""
    if sys.platform == "darwin":
        return not os.environ.get("SSH_CONNECTION")
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER"))
