"""How a server tells that it is there: to people, to whoever started it, and to commands on this machine."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import frozen

STATE_FILE = "server.json"
NOTHING: Mapping[str, str] = {}
_TITLE = "          Hodei Jobs Platform - gRPC Server".ljust(63)
_HEAD = f"╔{'═' * 63}╗\n║{_TITLE}║\n╚{'═' * 63}╝"


@frozen
class Announcement:
    """A file with address and pid, by which commands find the server and what serves beside it."""

    _path: Path
    _state: str

    @classmethod
    def of(cls, data_dir: Path, address: str, beside: Mapping[str, str]) -> "Announcement":
        """Of this process, not yet made. `beside` is name and address of what else it serves."""
        state = {"address": address, "pid": os.getpid(), **beside}
        return cls(data_dir / STATE_FILE, json.dumps(state))

    def make(self) -> None:
        """Write it, at once or not at all."""
        part = self._path.with_suffix(".part")
        part.write_text(self._state)
        os.replace(part, self._path)

    def withdraw(self) -> None:
        """Remove it if it is still ours: a server that started meanwhile has written its own."""
        with suppress(OSError):
            if self._path.read_text() == self._state:
                self._path.unlink()


@contextmanager
def announced(data_dir: Path, address: str, beside: Mapping[str, str] = NOTHING) -> Iterator[Announcement]:
    """Keep it for as long as the server takes calls."""
    announcement = Announcement.of(data_dir, address, beside)
    announcement.make()
    try:
        yield announcement
    finally:
        announcement.withdraw()


def tell_ready(
    descriptor: int | None, port: int, providers: Sequence[str] = (), beside: Mapping[str, str] = NOTHING
) -> None:
    """Write one line of JSON to whoever started the server, and close the descriptor."""
    if descriptor is None:
        return
    with suppress(BrokenPipeError), open(descriptor, "w") as pipe:
        state = {"port": port, "pid": os.getpid(), "providers": [*providers], **beside}
        pipe.write(json.dumps(state) + "\n")


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
