"""What is told to a worker. The edge turns these into messages."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.ids import JobId


class Action(Enum):
    """What becomes of an attempt that a worker brought along when it (re)connected."""

    CONTINUE = "continue"
    """It is the live attempt: go on, send the log from `next_sequence`."""

    STOP = "stop"
    """It is superseded or over: kill it and forget it."""

    DONE = "done"
    """Its end is recorded: forget it."""


@frozen
class RunAttempt:
    """Run the job's current attempt, in `start_dir` or, where that is empty, in a directory of its own."""

    job: Job
    start_dir: str = ""


@frozen
class CancelAttempt:
    """End the job's processes: TERM, then KILL after the grace; report the result with this reason."""

    job_id: JobId
    attempt: int
    grace: timedelta
    reason: str


@frozen
class StopAttempt:
    """Kill a copy that nobody wants any more; nothing about it is recorded."""

    job_id: JobId
    attempt: int
    reason: str


@frozen
class LogAck:
    """All entries before `next_sequence` are stored; also an answer to a hole: send again from there."""

    job_id: JobId
    attempt: int
    next_sequence: int


@frozen
class ResultAck:
    """The result is committed (accepted), or will never be (superseded): either way the worker may forget
    it.
    """

    job_id: JobId
    attempt: int
    accepted: bool
    message: str = ""


@frozen
class WatchUsage:
    """Somebody watches what its job uses: look, and tell, once in `interval`, for the next `lasts`."""

    interval: timedelta
    lasts: timedelta


@frozen
class SendInput:
    """The next piece of the attempt's standard input, from `offset` on; `end`: nothing comes behind it."""

    job_id: JobId
    attempt: int
    offset: int
    data: bytes
    end: bool


@frozen
class MoveWorker:
    """Go to that server, if you know a way to it and have nothing to do."""

    server_id: str


@frozen
class DrainWorker:
    """Take no more work, finish what runs, leave by the deadline."""

    deadline: timedelta
    reason: str


@frozen
class Answer:
    """One attempt of a hello, answered."""

    job_id: JobId
    attempt: int
    action: Action
    next_sequence: int = 0


@frozen
class Welcome:
    """The answer to a hello."""

    answers: tuple[Answer, ...]
    heartbeat_interval: timedelta
    lease: timedelta


Command = (
    RunAttempt
    | CancelAttempt
    | StopAttempt
    | SendInput
    | LogAck
    | ResultAck
    | DrainWorker
    | MoveWorker
    | WatchUsage
    | Welcome
)
