"""Entry point of the `hodei` command: what goes wrong becomes one clear line and an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from hodei_cli.errors import CliError
from hodei_cli.exits import BY_STATUS, Exit
from hodei_cli.program import as_typed
from hodei_cli.terminal import paint


def main() -> NoReturn:
    """Run the command line of this process and leave."""
    status = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            status = status or Exit.BROKEN_PIPE
    # Without the interpreter's teardown: gRPC's takes some 15 ms, and nothing of ours waits for it.
    os._exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; never raises, never shows a traceback unasked."""
    try:
        return _invoke(list(arguments))
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (KeyboardInterrupt, click.Abort):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _mute_stdout()
        return Exit.BROKEN_PIPE
    except Exception as error:
        if os.environ.get("HODEI_DEBUG") == "1":
            traceback.print_exc()
        return _explain(error)


def _invoke(arguments: list[str]) -> int:
    from hodei_cli.root import hodei

    if "_HODEI_COMPLETE" in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(hodei, {}, "hodei", "_HODEI_COMPLETE", os.environ["_HODEI_COMPLETE"])
    with hodei.make_context("hodei", arguments) as ctx:
        result = hodei.invoke(ctx)
    sys.stdout.flush()
    return result if isinstance(result, int) else Exit.OK


def _explain(error: Exception) -> int:
    if isinstance(error, CliError):
        _complain(str(error), *error.hints)
        return error.exit
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "hodei"
        _complain(_one_line(error.format_message()), f"{path} --help shows how it is used")
        return Exit.USAGE
    if isinstance(error, click.ClickException):
        _complain(_one_line(error.format_message()))
        return Exit.USAGE
    status = _status_of(error)
    if status is not None:
        name, details = status
        _complain(*_told_by_server(name, details))
        return BY_STATUS.get(name, Exit.BUG)
    if isinstance(error, OSError):
        _complain(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "))
        return Exit.UNAVAILABLE
    _complain(
        f"this is a bug in Hodei: {type(error).__name__}: {_one_line(str(error))}",
        "HODEI_DEBUG=1 shows it",
    )
    return Exit.BUG


def _status_of(error: Exception) -> tuple[str, str] | None:
    """Name and text of what a server refused; the client is there to be asked if a command has loaded it."""
    client = sys.modules.get("hodei_grpc.client")
    if client is None or not isinstance(error, client.CallFailed):
        return None
    return error.status.name, error.message


def _told_by_server(name: str, details: str) -> tuple[str, ...]:
    text = _one_line(details) or name.lower().replace("_", " ")
    if name == "UNAUTHENTICATED":
        return (
            text,
            "Name a token with --token or HODEI_TOKEN; a local server keeps its own in its data directory.",
        )
    if name not in BY_STATUS:
        return f"the server failed: {text}", "Its log says more."
    return (text,)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _complain(message: str, *hints: str) -> None:
    print(f"{paint('hodei:', 'red', sys.stderr)} {as_typed(message)}", file=sys.stderr)
    for hint in hints:
        print(f"  {as_typed(hint)}", file=sys.stderr)


def _mute_stdout() -> None:
    """Whoever read our output is gone: what is still buffered has nowhere to go and is no error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
