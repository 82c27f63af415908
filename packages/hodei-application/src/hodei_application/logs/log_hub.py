"""What happens to jobs, for those who listen in this process."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk

from hodei_application.fan_out import FanOut, nobody_waits

ROOM = 4 * 1024 * 1024
"""Bytes that wait for one subscriber. Some seconds of a loud job; who is slower than that reads the store
anyway.
"""

MOVE_WEIGHT = 64
"""Bytes that a move counts for: it is small, and must not let a queue grow without end."""


@define(eq=False)
class LogHub:
    """Fans stored chunks, and the moves of their jobs, out to the followers of each job."""

    joined: Callable[[], None] = nobody_waits
    """Called when somebody begins to follow or to watch a job here."""

    _followers: FanOut[JobId, LogChunk | Job] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._followers = FanOut(ROOM, self.joined)

    def stored(self, chunk: LogChunk) -> None:
        """Tell of a chunk after it was committed. The same bytes go to all; nothing is copied or decoded."""
        self._followers.publish(chunk.job_id, chunk, len(chunk.data) + MOVE_WEIGHT)

    def moved(self, job: Job) -> None:
        """Tell of a move after it was committed, and after its last chunk."""
        self._followers.publish(job.id, job, MOVE_WEIGHT)

    @property
    def followers(self) -> FanOut[JobId, LogChunk | Job]:
        """To subscribe."""
        return self._followers
