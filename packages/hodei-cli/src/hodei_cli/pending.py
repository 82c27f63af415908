"""What a job waits for, as one line on a terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from hodei_grpc.client import CallFailed

from hodei_cli.errors import CliError
from hodei_cli.render import cut, printable

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import GetJobResponse

FIRST_SECONDS = 0.7  # a job on a warm worker has started by then
EVERY_SECONDS = 1.0


def why(job: GetJobResponse) -> str:
    """Why the job waits, by provider, in one line."""
    reasons = [(each.provider, each.reason) for each in job.pending_reasons]
    return printable("; ".join(": ".join(filter(None, each)) for each in reasons))


class PendingLine:
    """Shows and renews the line while the job is PENDING, as a context; on anything but a terminal nothing.

    It must be out of the way of whatever else is written: whoever writes calls clear() before.
    """

    def __init__(self, ask: Callable[[], GetJobResponse]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._shown = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True) if sys.stderr.isatty() else None

    def __enter__(self) -> PendingLine:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def clear(self) -> None:
        """Take the line away; the next news bring it back."""
        with self._lock:
            self._clear()

    def end(self) -> None:
        """Take the line away for good."""
        with self._lock:
            self._over.set()
            self._clear()

    def _clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False

    def _renew(self) -> None:
        pause = FIRST_SECONDS
        while not self._over.wait(pause):
            pause = EVERY_SECONDS
            try:
                job = self._ask()
            except (CliError, CallFailed):
                continue  # whoever follows the job finds out, too, and says so
            if job.state != "PENDING":
                self.end()
                return
            self._show(why(job))

    def _show(self, text: str) -> None:
        with self._lock:
            if self._over.is_set() or not text:
                return
            sys.stderr.write(f"\r\x1b[K{cut(f'hodei: waiting: {text}', _width())}")
            sys.stderr.flush()
            self._shown = True


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns - 1 or 79  # 0: it does not know
    except (OSError, ValueError):
        return 79
