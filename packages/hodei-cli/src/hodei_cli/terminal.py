"""What is only for eyes: colours, a spinner, sizes. Nothing here changes what a program reads."""

from __future__ import annotations

import os
import sys
import threading
from types import TracebackType
from typing import IO

from hodei_cli.program import as_typed

COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36, "dim": 2, "bold": 1}
STATE_COLOURS = {
    "SUCCEEDED": "green",
    "READY": "green",
    "ACTIVE": "green",
    "RUNNING": "cyan",
    "BUSY": "cyan",
    "SCHEDULED": "cyan",
    "PENDING": "yellow",
    "DRAINING": "yellow",
    "DEGRADED": "yellow",
    "FAILED": "red",
    "TIMEOUT": "red",
    "UNHEALTHY": "red",
    "CANCELLED": "dim",
    "TERMINATED": "dim",
    "DISABLED": "dim",
}


def colours_on(stream: IO[str]) -> bool:
    """True on a terminal, unless NO_COLOR is set or the terminal is dumb."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str | None, stream: IO[str]) -> str:
    """`text` in a colour of COLOURS where the stream shows colours, else as it is."""
    if colour is None or not colours_on(stream):
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def note(text: str) -> None:
    """A line for the person at the terminal, on stderr."""
    print(paint(as_typed(text), "dim", sys.stderr), file=sys.stderr, flush=True)


class Waiting:
    """A spinner with a text on stderr, shown on terminals only and only after `after` seconds of waiting."""

    FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

    def __init__(self, text: str, after: float = 1.0) -> None:
        self._text = text
        self._after = after
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True) if sys.stderr.isatty() else None

    def __enter__(self) -> Waiting:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _spin(self) -> None:
        if self._stop.wait(self._after):
            return
        frame = 0
        while True:
            sys.stderr.write(f"\r{self.FRAMES[frame % len(self.FRAMES)]} {self._text}")
            sys.stderr.flush()
            frame += 1
            if self._stop.wait(0.1):
                break
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
