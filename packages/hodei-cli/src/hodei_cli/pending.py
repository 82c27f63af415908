"""What a job waits for: one line on a terminal, and a line for each change where there is none."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from time import monotonic as now
from types import TracebackType
from typing import TYPE_CHECKING

from hodei_grpc.client import CallFailed

from hodei_cli.errors import CliError
from hodei_cli.tables import cut, printable

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import GetJobResponse

FIRST_SECONDS = 0.7  # a job on a warm worker has started by then
EVERY_SECONDS = 1.0
QUIET_SECONDS = 5.0  # off a terminal what is over in a moment is no news before

_NUMBERS = re.compile(r"\d+")


def why(job: GetJobResponse) -> str:
    """Why the job waits, by provider, in one line."""
    reasons = [(each.provider, each.reason) for each in job.pending_reasons]
    return printable("; ".join(": ".join(filter(None, each)) for each in reasons))


def waiting(job: GetJobResponse) -> str:
    """What the job waits for, since when, and until when it will; "" if nobody knows what for."""
    reasons = why(job)
    if not reasons:
        return ""
    since = f" since {_clock(job.created_at)}" if job.created_at is not None else ""
    until = _until(job)
    return f"hodei: waiting{since}{f', until {_clock(until)}' if until is not None else ''}: {reasons}"


def _until(job: GetJobResponse) -> datetime | None:
    """When its patience ends: that of its first wait, or that for all of it."""
    timeout = job.job.timeout if job.job is not None else None
    if job.created_at is None or timeout is None:
        return None
    in_queue = timeout.queue_timeout if job.attempt == 0 else None
    limits = [limit for limit in (in_queue, timeout.total_timeout) if limit]
    return job.created_at + min(limits) if limits else None


def _clock(at: datetime) -> str:
    """A moment of today by the clock on the wall, any other with its date."""
    here = at.astimezone()
    return f"{here:%H:%M:%S}" if here.date() == datetime.now().astimezone().date() else f"{here:%F %H:%M:%S}"


def is_lasting(job: GetJobResponse) -> bool:
    """Whether the job waits for somebody to change something."""
    return any(each.lasting for each in job.pending_reasons)


def say_if_lasting(job: GetJobResponse) -> None:
    """Say on standard error why the job waits if it will go on to do so."""
    if is_lasting(job):
        print(waiting(job), file=sys.stderr, flush=True)


class PendingLine:
    """Shows and renews the line while the job is PENDING, as a context.

    It must be out of the way of whatever else is written: whoever writes calls clear() before. Where standard
    error is no terminal, each change is a line of its own, progress and what was said before aside; what is
    usually over in a moment is told when it has lasted for a while.
    """

    def __init__(self, ask: Callable[[], GetJobResponse]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._shown = False
        self._over = threading.Event()
        self._on_terminal = sys.stderr.isatty()
        self._said: set[str] = set()
        self._since = now()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> PendingLine:
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
            if self._on_terminal:
                self._show(waiting(job))
            else:
                self._say_news(job)

    def _say_news(self, job: GetJobResponse) -> None:
        if now() - self._since >= QUIET_SECONDS or any(r.lasting or r.slow for r in job.pending_reasons):
            self._say(waiting(job))

    def _say(self, text: str) -> None:
        change = _NUMBERS.sub("", text)
        with self._lock:
            if text and change not in self._said and not self._over.is_set():
                self._said.add(change)
                print(text, file=sys.stderr, flush=True)

    def _show(self, text: str) -> None:
        with self._lock:
            if self._over.is_set() or not text:
                return
            sys.stderr.write(f"\r\x1b[K{cut(text, _width())}")
            sys.stderr.flush()
            self._shown = True


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns - 1 or 79  # 0: it does not know
    except (OSError, ValueError):
        return 79
