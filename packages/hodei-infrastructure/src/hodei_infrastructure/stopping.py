"""How a server's program is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from attrs import define, field

log = logging.getLogger("hodei.server")

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@define
class Stop:
    """When to stop: at a signal, or when the owner of a private server is gone."""

    asked: asyncio.Event = field(factory=asyncio.Event)
    starting: asyncio.Task[Any] | None = None

    def on_signal(self, number: signal.Signals) -> None:
        """Stop serving; or, if it never came to that, break off the start. A second signal kills at once."""
        log.info("Stopping: %s", number.name)
        _give_back_signals()
        self.asked.set()
        if self.starting is not None:
            self.starting.cancel()


@asynccontextmanager
async def stop_signals() -> AsyncIterator[Stop]:
    """While the context is open SIGTERM, SIGINT and SIGHUP ask to stop. One that breaks off the start ends it
    without an error.
    """
    loop, stop = asyncio.get_running_loop(), Stop(starting=asyncio.current_task())
    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            loop.add_signal_handler(number, stop.on_signal, number)
    try:
        yield stop
    except asyncio.CancelledError:
        if not stop.asked.is_set():
            raise
    finally:
        _give_back_signals()


def _give_back_signals() -> None:
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.remove_signal_handler(number)
