"""How a server tells that it is there: to people, to whoever started it, and to commands on this machine."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

STATE_FILE = "server.json"
_TITLE = "          Hodei Jobs Platform - gRPC Server".ljust(63)
_HEAD = f"╔{'═' * 63}╗\n║{_TITLE}║\n╚{'═' * 63}╝"


@contextmanager
def announced(data_dir: Path, address: str) -> Iterator[None]:
    """Keep a file with address and pid for as long as the server takes calls.

    It is written at once or not at all, and removed only if it is still ours: a server that started
    meanwhile on the same directory has written its own.
    """
    path = data_dir / STATE_FILE
    state = json.dumps({"address": address, "pid": os.getpid()})
    part = path.with_suffix(".part")
    part.write_text(state)
    os.replace(part, path)
    try:
        yield
    finally:
        with suppress(OSError):
            if path.read_text() == state:
                path.unlink()


def tell_ready(descriptor: int | None, port: int, providers: Sequence[str] = ()) -> None:
    """Write one line of JSON to whoever started the server, and close the descriptor."""
    if descriptor is None:
        return
    with suppress(BrokenPipeError), open(descriptor, "w") as pipe:
        pipe.write(json.dumps({"port": port, "pid": os.getpid(), "providers": [*providers]}) + "\n")


def banner(address: str, services: Iterable[str], notes: Iterable[str]) -> None:
    """Say to people what serves where."""
    names = dict.fromkeys(service.rpartition(".")[2] for service in services)
    extra = {"WorkerAgentService": " (with OTP authentication)"}
    parts = [*(name + extra.get(name, "") for name in names), *notes]
    text = "\n".join(
        [_HEAD, f"Starting server on {address}", "Services initialized:", *(f"  ✓ {p}" for p in parts), ""]
    )
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()
