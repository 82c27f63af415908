"""Bring a live standard input to the process that reads it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from attrs import define, field, frozen
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.kernel.errors import Conflict, InvalidInput, Kind
from hodei_domain.kernel.ids import JobId

from hodei_application.fan_out import FanOut, Subscriber
from hodei_application.jobs.assign_job import WorkerNotHere
from hodei_application.jobs.moves import Moves
from hodei_application.ports import UnitOfWork
from hodei_application.workers.commands import SendInput
from hodei_application.workers.connected import ConnectedWorkers, Connection
from hodei_application.workers.link import WorkerLink

LARGEST_PIECE = 1024 * 1024
ANSWER_WITHIN = timedelta(seconds=10)
"""How long a call waits for the job to take its piece. Then it tells what is known."""

LOOK_AGAIN = timedelta(seconds=1)
"""Between looks at a job whose moves other replicas make, and at the stream of its worker."""


class NoLiveInput(Conflict):
    """The job was not submitted with a live input."""

    kind, code = Kind.CONFLICT, "job.no-live-input"


@frozen
class InputState:
    """How much of its input an attempt has taken: all before `offset`. `closed`: it takes no more. Attempt 0:
    none runs at present.
    """

    attempt: int = 0
    offset: int = 0
    closed: bool = False


@define(eq=False)
class InputAcks:
    """What workers say of the inputs of the jobs that they hold."""

    connected: ConnectedWorkers
    heard: FanOut[JobId, InputState] = field(factory=lambda: FanOut(64))

    def __call__(self, link: WorkerLink, job_id: JobId, state: InputState) -> None:
        connection = self.connected.holds(link)
        if connection is not None and connection.worker.job_id == job_id:
            self.heard.publish(job_id, state)


@frozen(kw_only=True)
class WriteInput:
    """Send a piece of the input to the attempt that runs, and tell how much was taken: when all of it was, or
    the job takes no more, else after ANSWER_WITHIN. Nothing is kept here: the sender keeps what was not
    taken, and sends it again from the offset that it was told.

    `attempt` is the one that the sender knows. If another one runs, nothing is sent, and the answer is where
    that one begins. Raises JobNotFound, NoLiveInput, InvalidInput for a piece that is too large, and
    WorkerNotHere where another replica holds the stream of the worker.
    """

    begin: UnitOfWork
    monotonic: Callable[[], float]
    connected: ConnectedWorkers
    moves: Moves
    acks: InputAcks

    async def __call__(
        self, job_id: JobId, *, attempt: int, offset: int, data: bytes, end: bool
    ) -> InputState:
        if len(data) > LARGEST_PIECE:
            raise InvalidInput(f"is longer than {LARGEST_PIECE} bytes: send it in pieces", field="data")
        until = self.monotonic() + ANSWER_WITHIN.total_seconds()
        job = await self._running(job_id, until)
        if job.is_over:
            return InputState(job.attempt, offset, closed=True)
        if job.state is not JobState.RUNNING:
            return InputState()
        if job.attempt != attempt:
            return InputState(job.attempt)
        with self.acks.heard.subscribe(job_id) as heard:
            connection = self._send(job, SendInput(job_id, attempt, offset, data, end))
            known = InputState(attempt, offset)
            return await self._answer(connection, heard, known, offset + len(data), until)

    async def _running(self, job_id: JobId, until: float) -> Job:
        """The job when it runs or is over, or as it is when the time is over."""
        with self.moves.watchers.subscribe(job_id) as moved:
            while True:
                async with self.begin() as tx:
                    job = await tx.jobs.get(job_id)
                if not job.spec.live_input:
                    raise NoLiveInput(f"job {job_id} was not submitted with a live input")
                if job.is_over or job.state is JobState.RUNNING or self.monotonic() >= until:
                    return job
                await moved.wait(LOOK_AGAIN)
                moved.take()

    def _send(self, job: Job, command: SendInput) -> Connection:
        connection = None if job.worker_id is None else self.connected.get(job.worker_id)
        if connection is None or not self.connected.send(connection.worker.id, command):
            raise WorkerNotHere(f"the worker of job {job.id} is not connected to this server")
        return connection

    async def _answer(
        self,
        connection: Connection,
        heard: Subscriber[InputState],
        known: InputState,
        sent: int,
        until: float,
    ) -> InputState:
        """What the worker says of all that was sent, or the last that is known when the time is over."""
        asked = known.offset
        while self.monotonic() < until and self.connected.holds(connection.link) is connection:
            await heard.wait(LOOK_AGAIN)
            for state in heard.take()[0]:
                if state.attempt != known.attempt:
                    continue
                known = state
                if state.closed or state.offset >= sent or state.offset < asked:
                    return state
        return known
