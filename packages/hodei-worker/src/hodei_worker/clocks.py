"""What ends an attempt that does not end by itself: its time, its silence, its memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hodei_worker import tree
from hodei_worker.log_pump import LogPump
from hodei_worker.order import Order
from hodei_worker.process import Process

MEMORY_PERIOD = 0.5  # seconds between two looks at the memory of a job that no control group holds

Stop = Callable[[str, str, float | None], None]


class Clocks:
    """The timers of one attempt.

    They call `stop` with a reason, a text, and a grace (None: the order's own).
    """

    def __init__(self, order: Order, process: Process, pump: LogPump, stop: Stop) -> None:
        self._order = order
        self._process = process
        self._pump = pump
        self._stop = stop
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def start(self, watched_bytes: int) -> None:
        """Set those that the order has.

        `watched_bytes` is the memory that we must watch ourselves, 0 for none.
        """
        if self._order.execution_timeout is not None:
            limit = self._order.execution_timeout
            self.set(
                "execution", limit, self._stop, "timeout:execution", f"still running after {limit:g} s", None
            )
        if self._order.no_output_timeout is not None:
            self._watch_silence(self._order.no_output_timeout)
        if watched_bytes:
            self.set("memory", MEMORY_PERIOD, self._watch_memory, watched_bytes)

    def set(self, name: str, seconds: float, call: Callable[..., None], *arguments: object) -> None:
        """Set one timer; an earlier one of the same name is forgotten."""
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, call, *arguments)

    def close(self) -> None:
        """Forget all."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _watch_silence(self, limit: float) -> None:
        silent = self._pump.silent_for
        if silent >= limit:
            self._stop("timeout:no-output", f"wrote nothing for {limit:g} s", None)
        else:
            self.set("silence", limit - silent, self._watch_silence, limit)

    def _watch_memory(self, limit: int) -> None:
        """End the job when its processes together hold more than the limit.

        Resident memory counts what they share once for each, so before we act we ask for the shared-out sum,
        which is right but costs the kernel a walk through all pages.
        """
        members = self._process.members()
        resident = sum(proc.resident_bytes for proc in members)
        if resident > limit and sum(tree.proportional_bytes(proc.pid) for proc in members) > limit:
            self._stop("oom", f"used more than its {limit // 2**20} MiB of memory", 0.0)
            return
        self.set("memory", MEMORY_PERIOD, self._watch_memory, limit)
