"""Which server a command talks to, and with which token.

In this order: --server or HODEI_SERVER; the live server that this machine's data directory names; a Hodei
server on the default port of this machine. Nothing is started here.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from hodei_domain.kernel.addresses import EVERYWHERE, join

from hodei_cli.errors import UsageProblem
from hodei_cli.options import Options

DEFAULT_PORT = 50051
KNOCK_SECONDS = 0.3


class Server(NamedTuple):
    """Where a server is."""

    address: str  # host:port
    token: str | None
    here: bool  # on this machine, with this user's data directory


class State(NamedTuple):
    """What a server says of itself in its file."""

    address: str
    pid: int
    rest: str | None  # where it serves REST and the dashboard


def data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the state of one machine lives: HODEI_DATA_DIR, else the XDG data directory."""
    if environ.get("HODEI_DATA_DIR"):
        return Path(environ["HODEI_DATA_DIR"]).expanduser().absolute()
    data_home = environ.get("XDG_DATA_HOME", "").strip()
    if data_home.startswith("/"):  # the XDG specification tells to ignore a relative path
        return Path(data_home) / "hodei"
    return Path(environ.get("HOME") or "~").expanduser() / ".local" / "share" / "hodei"


def asked_for(options: Options) -> Server | None:
    """The server that was named, or None; of several the first that serves, or the first if none does."""
    if options.server is None:
        return None
    named = [join(*parse_address(each)) for each in options.server.split(",")]
    address = _best(named) or named[0]
    return Server(address, options.token or _token_for(address), here=False)


def known(options: Options) -> list[Server]:
    """Every server that was named, or else that lives on this machine."""
    if options.server is None:
        return [Server(each.address, options.token or own_token(), here=True) for each in _living()]
    named = (join(*parse_address(each)) for each in options.server.split(","))
    return [Server(address, options.token or _token_for(address), here=False) for address in named]


def _token_for(address: str) -> str | None:
    """This machine's own token, for this machine's own servers, by whatever name: no stranger gets it."""
    ours = is_loopback(address) and any(
        port_of(address) == port_of(each.address) and answers(each.address) for each in _living()
    )
    return own_token() if ours else None


def of_this_machine(options: Options) -> Server | None:
    """A live server of the data directory, or None. A file of a server that is gone is not believed."""
    state = living()
    return None if state is None else Server(state.address, options.token or own_token(), here=True)


def living() -> State | None:
    """What the first server of the data directory says that lives and answers; None if none does."""
    said = {each.address: each for each in _living()}
    best = _best(list(said))
    return None if best is None else said[best]


def _living() -> list[State]:
    return [each for each in announced(data_dir()) if _alive(each.pid)]


def _best(addresses: list[str]) -> str | None:
    """Where a server serves, else where something accepts connections; None if nothing does.

    For one that stands still the system goes on to accept. With a choice, that is not good enough.
    """
    accepting = filter(answers, addresses)
    if len(addresses) < 2:
        return next(accepting, None)
    from hodei_cli.session import speaks_hodei

    tried = []
    for each in accepting:
        if speaks_hodei(each):
            return each
        tried.append(each)
    return next(iter(tried), None)


def on_default_port(options: Options) -> Server | None:
    """A server of another user, or one in a container, on this machine's default port, if it is Hodei's."""
    address = f"localhost:{DEFAULT_PORT}"
    if not answers(address):
        return None
    from hodei_cli.session import speaks_hodei

    return Server(address, options.token, here=False) if speaks_hodei(address) else None


def find(options: Options) -> Server | None:
    """The server to talk to, or None if there is none and none was named."""
    return asked_for(options) or of_this_machine(options) or on_default_port(options)


def announced(place: Path) -> list[State]:
    """Each server that says in its data directory that it is there: the first one in `server.json`, others
    beside it.
    """
    files = (place / "server.json", *sorted(place.glob("server-*.json")))
    return [state for path in files if (state := read_state(path)) is not None]


def read_state(path: Path) -> State | None:
    """What a server's state file says, or None if there is none that makes sense."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return State(str(state["address"]), int(state["pid"]), state.get("rest"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def dialled(address: str) -> str:
    """The address by which this machine reaches what listens there, also if it listens everywhere."""
    host, _, port = address.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    return join(EVERYWHERE.get(bare, bare), int(port))


def own_token() -> str | None:
    """The token that servers of this data directory accept, or None if there is none yet."""
    try:
        return (data_dir() / "token").read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `host`, `host:port`, `[::1]:port`, `http://host:port`; else raise UsageProblem."""
    bare = text.strip().removeprefix("http://").rstrip("/")
    if "://" in bare:
        raise UsageProblem(f"--server {text}: only http:// (clear text) is spoken by this release")
    host, colon, port = bare.rpartition(":")
    if not colon or bare.endswith("]"):
        host, port = bare, str(DEFAULT_PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageProblem(f"--server {text}: is not HOST:PORT")
    return host, int(port)


def port_of(address: str) -> int:
    """The port of `host:port`."""
    return parse_address(address)[1]


def is_loopback(address: str) -> bool:
    """True if only this machine is reached by that address."""
    host = parse_address(address)[0]
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def answers(address: str) -> bool:
    """True if something accepts connections there."""
    try:
        with socket.create_connection(parse_address(address), timeout=KNOCK_SECONDS):
            return True
    except OSError:
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return pid > 0
