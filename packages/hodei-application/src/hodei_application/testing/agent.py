"""An agent without a process: it says what a test lets it say, and keeps what it was told."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from attrs import define, field
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.logs.chunk import LogChunk, Run, pack_runs, to_microseconds
from hodei_domain.workers.spec import WorkerInfo

from hodei_application.control_plane import ControlPlane
from hodei_application.jobs.reports import AttemptEnded, AttemptStarted, LogsArrived, Report
from hodei_application.workers.commands import Command, RunAttempt, Welcome
from hodei_application.workers.hello import Attempted, Hello
from hodei_application.workers.link import LinkClosed, Undeliverable
from hodei_application.workers.register_worker import Registration

C = TypeVar("C")

SUCCESS = JobResult(reason=Reason.EXIT, exit_code=0)


@define(eq=False)
class ScriptedLink:
    """A stream that keeps what is sent over it. `breaks` lets the next sends fail, as on a stream that is
    gone, and `refuses` orders, as where they cannot be written.
    """

    worker_id: WorkerId
    is_legacy: bool = False
    sent: list[Command] = field(factory=list, init=False)
    closed: str | None = field(default=None, init=False)
    breaks: bool = field(default=False, init=False)
    refuses: Undeliverable | None = field(default=None, init=False)

    def send(self, command: Command) -> None:
        """See WorkerLink."""
        if self.closed is not None or self.breaks:
            raise LinkClosed("the stream is gone")
        if self.refuses is not None and isinstance(command, RunAttempt):
            raise self.refuses
        self.sent.append(command)

    def close(self, reason: str) -> None:
        """See WorkerLink."""
        self.closed = self.closed or reason


@define(eq=False)
class ScriptedAgent:
    """One worker's side of the conversation. Output is counted as an agent counts it."""

    control: ControlPlane = field(repr=False)  # all of a platform: whoever shows an agent does not want it
    worker_id: WorkerId
    now: datetime
    info: WorkerInfo = field(factory=WorkerInfo)
    is_legacy: bool = False
    session_id: str = ""
    link: ScriptedLink = field(init=False)
    _logged: dict[tuple[JobId, int], tuple[int, int]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.link = ScriptedLink(self.worker_id, self.is_legacy)

    async def register(self, token: str) -> str:
        """Register by password or session; the session."""
        registration = Registration(
            token=token, session_id=self.session_id, worker_id=self.worker_id, info=self.info
        )
        self.session_id = (await self.control.register_worker(registration)).session_id
        return self.session_id

    async def connect(
        self, running: tuple[Attempted, ...] = (), finished: tuple[Attempted, ...] = ()
    ) -> Welcome:
        """Open a new stream and say hello."""
        self.link = ScriptedLink(self.worker_id, self.is_legacy)
        hello = Hello(worker_id=self.worker_id, running=running, finished=finished)
        return await self.control.bind_worker(hello, self.link)

    async def disconnect(self) -> None:
        """End the stream, as the edge notices it."""
        self.link.close("the agent left")
        await self.control.disconnect_worker(self.link)

    def told(self, kind: type[C]) -> list[C]:
        """What this stream was told of that kind, in order."""
        return [command for command in self.link.sent if isinstance(command, kind)]

    @property
    def jobs(self) -> list[Job]:
        """The jobs that it was told to run."""
        return [command.job for command in self.told(RunAttempt)]

    async def say(self, *reports: Report) -> None:
        """Report, and wait until it is written."""
        for report in reports:
            await self.control.report_attempt(self.link, report)
        await self.control.engine.intake.settled()

    async def start(self, job: Job, pid: int = 4242) -> None:
        """The process runs."""
        await self.say(AttemptStarted(job.id, job.attempt, pid, "cgroup"))

    def chunk(self, job: Job, data: bytes) -> LogChunk:
        """The next output of the attempt."""
        sequence, offset = self._logged.get((job.id, job.attempt), (0, 0))
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        self._logged[job.id, job.attempt] = (sequence + lines, offset + len(data))
        return LogChunk(
            job_id=job.id,
            attempt=job.attempt,
            first_sequence=sequence,
            lines=lines,
            first_offset=offset,
            base_time_us=to_microseconds(self.now),
            runs=pack_runs([Run(0, lines, 0, len(data))]),
            data=data,
        )

    async def write(self, job: Job, data: bytes) -> LogChunk:
        """The process writes."""
        chunk = self.chunk(job, data)
        await self.say(LogsArrived(chunk))
        return chunk

    def end(self, job: Job, result: JobResult = SUCCESS) -> AttemptEnded:
        """What it says at the end, all output counted."""
        return AttemptEnded(job.id, job.attempt, result, self._logged.get((job.id, job.attempt), (0, 0))[0])

    async def finish(self, job: Job, result: JobResult = SUCCESS) -> None:
        """The process ended."""
        await self.say(self.end(job, result))
