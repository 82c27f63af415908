"""`hodei up`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import click
from hodei_domain.kernel.addresses import join

from hodei_cli.errors import CliError
from hodei_cli.exits import Exit
from hodei_cli.groups import command
from hodei_cli.options import Options, current
from hodei_cli.program import as_typed
from hodei_cli.server import data_dir, dialled, of_this_machine
from hodei_cli.terminal import paint


@command()
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Listen there; 0 takes a free port. [GRPC_PORT, 50051]"
)
@click.option(
    "--rest-port",
    type=click.IntRange(0, 65535),
    help="Dashboard and REST there; 0 takes a free port. [HODEI_REST_PORT, 3000]",
)
@click.option("--bind", metavar="ADDRESS", help="Listen on this address. [HODEI_BIND, 127.0.0.1]")
def up(port: int | None, rest_port: int | None, bind: str | None) -> int:
    """Start the whole platform on this machine.

    It stays in the foreground and Ctrl-C stops it. Queued jobs and all output are kept for the next time.
    Without HODEI_DATABASE_URL it brings a Postgres of its own. Without HODEI_DEV_MODE it is in development
    mode: on this machine no token is asked for.

    \b
    Examples:
      hodei up
      hodei up --port 7000
      HODEI_DEV_MODE=0 hodei up                # commands of yours find the token by themselves
      HODEI_DATABASE_URL=postgres://… hodei up
    """
    _refuse_a_second()
    os.environ.setdefault("HODEI_DEV_MODE", "1")
    if (
        signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    ):  # a closed terminal is no reason to leave things behind
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    ready, ready_server = os.pipe()
    threading.Thread(target=_greet, args=(ready, bind, current()), daemon=True).start()
    from hodei_grpc.main import main
    from hodei_rest.main import companion

    asked = {"--ready-fd": ready_server, "--port": port, "--rest-port": rest_port, "--bind": bind}
    words = [word for name, value in asked.items() if value is not None for word in (name, str(value))]
    return main(["--no-banner", *words], [companion])


def _refuse_a_second() -> None:
    running = of_this_machine(Options())
    if running is not None:
        raise CliError(
            f"a server of {data_dir()} runs already, at {running.address}",
            Exit.UNAVAILABLE,
            "If a `hodei run` started it, it leaves with that.",
            "HODEI_DATA_DIR names another directory for a second one.",
        )


def _greet(ready: int, bind: str | None, options: Options) -> None:
    """Say where it is, as soon as it serves; say nothing if it never does."""
    with open(ready, "rb") as pipe:
        line = pipe.readline()
    if line:
        state = json.loads(line)
        host = bind or os.environ.get("HODEI_BIND") or "127.0.0.1"
        address = dialled(join(host, int(state["port"])))
        print("\n".join(greeting(address, state, data_dir(), options)), flush=True)


def greeting(address: str, state: dict[str, Any], place: Path, options: Options) -> list[str]:
    """The lines for the person, or the one for a program, that say what runs and what to do next."""
    if options.structured:
        told = {"address": address, "pid": state["pid"], "data_dir": str(place)}
        return [json.dumps(told | {"providers": state["providers"], "dashboard": _dashboard(state)})]
    named = [name for name in ("HODEI_DATABASE_URL", "DATABASE_URL") if os.environ.get(name)]
    database = f"the Postgres that {named[0]} names" if named else "a Postgres of its own"
    token = (
        "no token is asked for (HODEI_DEV_MODE=1)" if _in_dev_mode() else f"{place / 'token'} has the token"
    )
    return [
        paint(f"Hodei is up at {address}", "green", sys.stdout),
        f"  dashboard at {_dashboard(state)}",
        *([f"  metrics at http://{dialled(state['metrics'])}/metrics"] if "metrics" in state else ()),
        f"  data in {place}, {database}",
        f"  workers from: {', '.join(state['providers']) or 'nowhere but by hand'}",
        *(f"  not from {name}: it {why}" for name, why in state.get("out_of_use", {}).items()),
        f"  {token}",
        "Next:",
        as_typed("  hodei run -- echo hello"),
        as_typed("  hodei job list"),
        f"  grpcurl -plaintext {address} list",
        "Ctrl-C stops it.",
    ]


def _dashboard(state: dict[str, Any]) -> str:
    return f"http://{dialled(str(state['rest']))}"


def _in_dev_mode() -> bool:
    return os.environ.get("HODEI_DEV_MODE", "").lower() in ("1", "true", "yes", "on")
