"""Read what a worker's agent printed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from attrs import frozen
from hodei_domain.kernel.checks import check_whole
from hodei_domain.kernel.errors import Conflict, Kind
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.providers.errors import ProviderUnavailable

from hodei_application.ports import UnitOfWork
from hodei_application.scheduling.landscape import Landscape

MOST_LINES = 10_000
MOST_TEXT = 1024 * 1024
"""Characters in one answer: a message over gRPC holds 4 MiB, and a character takes at most four bytes."""

PATIENCE = timedelta(seconds=15)


class NoWorkerLogs(Conflict):
    """Nobody keeps what this worker's agent prints."""

    kind, code = Kind.CONFLICT, "worker.no-logs"


@frozen
class WorkerLog:
    """Lines, the oldest first; `truncated` when the oldest of those asked for did not fit."""

    lines: tuple[str, ...]
    truncated: bool


@frozen
class ReadWorkerLogs:
    """The last lines that a worker's agent printed; none when its provider has them no more.

    Raises InvalidInput, WorkerNotFound, NoWorkerLogs, ProviderUnavailable.
    """

    begin: UnitOfWork
    landscape: Landscape

    async def __call__(self, worker_id: WorkerId, tail: int = 100) -> WorkerLog:
        check_whole(tail, "tail_lines", 1, MOST_LINES)
        async with self.begin() as tx:
            worker = await tx.workers.get(worker_id)
            self.landscape.learn(await tx.providers.list_all())
        if worker.provider_id is None:
            raise NoWorkerLogs(f"worker {worker_id} was started by hand: look where it runs")
        plugin = self.landscape.plugin(worker.provider_id)
        if plugin is None or plugin.logs is None:
            name = self.landscape.name(worker.provider_id) or "it is gone"
            raise NoWorkerLogs(f"the provider of worker {worker_id} ({name}) keeps no logs of its agents")
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                lines = await plugin.logs.worker_logs(worker_id, tail)
        except TimeoutError:
            raise ProviderUnavailable(
                f"provider {plugin.name} did not answer within {PATIENCE.total_seconds():g} s"
            ) from None
        return bounded(lines)


def bounded(lines: Sequence[str]) -> WorkerLog:
    """As many of the last lines as fit into one answer; a line that fits by no means is cut at its start."""
    kept: list[str] = []
    room = MOST_TEXT
    for line in reversed(lines):
        if len(line) > room:
            kept += [line[-room:]] if not kept else []
            return WorkerLog(tuple(reversed(kept)), truncated=True)
        kept.append(line)
        room -= len(line) + 1
    return WorkerLog(tuple(reversed(kept)), truncated=False)
