"""The owner of a private server: a command that started it and holds a pipe to it.

However the owner ends, kill -9 included, the kernel closes the pipe. Before that it may write the ids of
its jobs, one in a line: nobody else wants these, so they are cancelled.
"""

import asyncio
import logging
import os
from collections.abc import Sequence

from hodei_application.control_plane import ControlPlane
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import JobId, parse_job_id
from hodei_domain.workers.ports import WorkerFilter
from hodei_domain.workers.state import WorkerState

log = logging.getLogger("hodei.server")

LOOK_AGAIN = 0.2  # seconds, while somebody else's job goes on
STARTING = WorkerFilter(states=frozenset({WorkerState.CREATING, WorkerState.CONNECTING}), limit=1)


async def until_forsaken(descriptor: int, control: ControlPlane) -> None:
    """Wait until the owner is gone, then until nobody else's job runs or is about to.

    Jobs that nothing here can serve stay in the queue for the next server: they are not lost, and waiting
    for them would never end.
    """
    jobs = await _until_closed(descriptor)
    log.info("The owner is gone")
    await _cancel(jobs, control)
    idle_looks = 0
    while idle_looks < 2:  # between two moves of a job one look may see no trace of it
        status = await control.queue_status()
        if not status.pending and not status.running:
            return
        busy = status.running or await control.list_workers(STARTING)
        idle_looks = 0 if busy else idle_looks + 1
        await asyncio.sleep(LOOK_AGAIN)


async def _until_closed(descriptor: int) -> list[JobId]:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        told = (await reader.read()).decode("ascii", "replace").split()
    finally:
        transport.close()
    return [parse_job_id(text) for text in told if len(text) == 36]


async def _cancel(jobs: Sequence[JobId], control: ControlPlane) -> None:
    for job_id in jobs:
        try:
            await control.cancel_job(job_id, reason="the command that wanted it is gone")
        except HodeiError as refused:  # most have ended, as they should
            log.debug("Not cancelled: %s", refused.message)
