"""The owner of a private server: a command that started it and holds a pipe to it.

However the owner ends, kill -9 included, the kernel closes the pipe. Before that it may write the ids of
its jobs, one in a line: nobody else wants these, so they are cancelled.
"""

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from hodei_application.control_plane import ControlPlane
from hodei_domain.jobs.state import ACTIVE, JobState
from hodei_domain.jobs.views import JobFilter
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import JobId, parse_job_id
from hodei_domain.workers.ports import WorkerFilter
from hodei_domain.workers.state import WorkerState

log = logging.getLogger("hodei.server")

LOOK_AGAIN = 0.2  # seconds, while somebody else's job goes on
CONSIDERED = timedelta(seconds=2)  # by then a job that can be served has a worker, or one is being made
TAKEN, WAITING = (JobFilter(states=states, limit=1) for states in (ACTIVE, frozenset({JobState.PENDING})))
STARTING = WorkerFilter(states=frozenset({WorkerState.CREATING, WorkerState.CONNECTING}), limit=1)


class Curtain(Protocol):
    """What takes the server out of sight."""

    async def hide(self) -> None:
        """Be found by nobody any more, and take no new jobs; those under way are in the queue then."""
        ...

    def show(self) -> None:
        """Be there again."""
        ...


async def until_forsaken(descriptor: int, control: ControlPlane, curtain: Curtain) -> None:
    """Wait until the owner is gone, then until nobody else's job runs or is about to.

    Who found us a moment ago may still bring a job: so we hide first, which also refuses new jobs, and look
    once more; if one slipped in, we stay and show ourselves again.

    Jobs that nothing here can serve stay in the queue for the next server: they are not lost, and waiting
    for them would never end.
    """
    jobs = await _until_closed(descriptor)
    log.info("The owner is gone")
    await _cancel(jobs, control)
    while True:
        if await _is_idle(control):
            await curtain.hide()
            if await _is_idle(control):
                return
            curtain.show()
        await asyncio.sleep(LOOK_AGAIN)


async def _is_idle(control: ControlPlane) -> bool:
    """Whether no job runs or is about to."""
    if (await control.list_jobs(TAKEN)).jobs or await control.list_workers(STARTING):
        return False
    newest = (await control.list_jobs(WAITING)).jobs
    return not newest or datetime.now(UTC) - newest[0].queued_at > CONSIDERED


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
