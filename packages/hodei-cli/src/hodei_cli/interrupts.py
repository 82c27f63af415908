"""Ctrl-C while a job runs: once cancels the job, twice leaves it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from hodei_cli.chunks import write_all
from hodei_cli.exits import for_signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While it is entered, the first of SIGNALS calls `cancel` in a thread; the second ends this process.

    A thread, because the main one may be anywhere in a library when the signal comes.
    """

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel
        self._before: dict[int, Any] = {}
        self.received: int | None = None

    def __enter__(self) -> Interrupts:
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup asked not to be told
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            _tell("hodei: left; the job is being cancelled\n")
            os._exit(for_signal(number))
        self.received = number
        _tell("hodei: cancelling the job; once more leaves it\n")
        threading.Thread(target=self._cancel, daemon=True).start()


def _tell(text: str) -> None:
    try:
        write_all(2, text.encode())
    except OSError:  # the terminal is gone, which is why SIGHUP came
        return
