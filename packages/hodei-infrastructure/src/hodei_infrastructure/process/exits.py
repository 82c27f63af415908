"""Hearing of the end of agents: ours, which must be reaped, and those that an earlier server started."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from attrs import define, field
from hodei_domain.kernel.ids import WorkerId

from hodei_infrastructure.process.markers import Marker
from hodei_infrastructure.process.spawning import ended, reap


@define(eq=False)
class Exits:
    """One wait for each agent. `note` is told once of each end, with the exit code where it is known."""

    note: Callable[[Marker, int | None], None]
    _waits: dict[WorkerId, asyncio.Task[None]] = field(factory=dict, init=False)

    def watch(self, marker: Marker) -> None:
        """Wait for the end of this agent. Watching twice is watching once."""
        if marker.worker_id not in self._waits and marker.pid is not None:
            task = asyncio.create_task(self._wait(marker, marker.pid), name=f"exit of {marker.worker_id}")
            self._waits[marker.worker_id] = task
            task.add_done_callback(lambda _: self._waits.pop(marker.worker_id, None))

    async def gone(self, worker_id: WorkerId, seconds: float) -> bool:
        """Wait for so long for the end of an agent that is watched; whether it came.

        True if nobody watches.
        """
        task = self._waits.get(worker_id)
        if task is None:
            return True
        done, _ = await asyncio.wait([task], timeout=seconds)
        return bool(done)

    async def close(self) -> None:
        """Wait no more. The agents go on."""
        tasks = list(self._waits.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, marker: Marker, pid: int) -> None:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            self.note(marker, None)
            return
        try:
            # Looked at after opening: from here on the handle means this process, whatever becomes of its
            # number.
            if marker.find() is not None:
                await ended(handle)
        finally:
            os.close(handle)
        self.note(marker, reap(pid))
