"""How a server tells that it is there: to people, to whoever started it, and to commands on this machine."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import frozen

STATE_FILE = "server.json"
NOTHING: Mapping[str, str] = {}
_TITLE = "          Hodei Jobs Platform - gRPC Server".ljust(63)
_HEAD = f"╔{'═' * 63}╗\n║{_TITLE}║\n╚{'═' * 63}╝"


@frozen
class Announcement:
    """A file with address and pid, by which commands find the server and what serves beside it.

    The first server of a data directory writes `server.json`; each further one, while that one lives, a file
    with its pid in the name. So none takes another's away.
    """

    _data_dir: Path
    _state: str

    @classmethod
    def of(cls, data_dir: Path, address: str, beside: Mapping[str, str]) -> "Announcement":
        """Of this process, not yet made. `beside` is name and address of what else it serves."""
        return cls(data_dir, json.dumps({"address": address, "pid": os.getpid(), **beside}))

    def make(self) -> None:
        """Write it, at once or not at all; what dead servers left is removed."""
        for left in announcements(self._data_dir):
            if not _lives(left):
                left.unlink(missing_ok=True)
        part = self._data_dir / f"{self._own.name}.part"
        part.write_text(self._state)
        try:
            with suppress(FileExistsError):
                (self._data_dir / STATE_FILE).hardlink_to(part)
                return
            os.replace(part, self._own)
        finally:
            part.unlink(missing_ok=True)

    def withdraw(self) -> None:
        """Remove what is ours."""
        for path in (self._data_dir / STATE_FILE, self._own):
            with suppress(OSError):
                if path.read_text() == self._state:
                    path.unlink()

    @property
    def _own(self) -> Path:
        return self._data_dir / f"server-{os.getpid()}.json"


def announcements(data_dir: Path) -> list[Path]:
    """The files of all servers of a data directory, living or not."""
    return [
        path for path in (data_dir / STATE_FILE, *sorted(data_dir.glob("server-*.json"))) if path.exists()
    ]


def _lives(path: Path) -> bool:
    """Whether the process that wrote it may be there yet."""
    try:
        pid = json.loads(path.read_text())["pid"]
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return False
    return bool(pid != os.getpid())  # ours is made anew


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
    descriptor: int | None,
    port: int,
    providers: Mapping[str, str] = NOTHING,
    beside: Mapping[str, str] = NOTHING,
) -> None:
    """Write one line of JSON to whoever started the server, and close the descriptor. `providers` are names,
    and why those that get no jobs do not.
    """
    if descriptor is None:
        return
    with suppress(BrokenPipeError), open(descriptor, "w") as pipe:
        in_use = [name for name, why in providers.items() if not why]
        off = {name: why for name, why in providers.items() if why}
        state = {"port": port, "pid": os.getpid(), "providers": in_use, "out_of_use": off, **beside}
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
