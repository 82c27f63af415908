"""What clients, not workers, say about attempts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId, parse_job_id
from hodei_domain.logs.chunk import LogChunk
from hodei_domain.workers.worker import Worker

from hodei_application.jobs.ledger import Leaving
from hodei_application.jobs.lock_job import lock_job
from hodei_application.jobs.moves import Moves
from hodei_application.logs.legacy_log import LegacyLog
from hodei_application.ports import Clock, Transaction, UnitOfWork
from hodei_application.repeat import repeat
from hodei_application.scheduling.dispatcher import Dispatcher
from hodei_application.signals import Signals
from hodei_application.workers.commands import StopAttempt
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.release import Release

LARGEST_PIECE = 512 * 1024
"""Bytes of output in one chunk."""

Move = Callable[[Job, int, datetime], Change[Job]]
"""A move of a job's attempt (its number) at an instant."""


def execution_id(job: Job) -> str:
    """How clients call a job's present attempt."""
    return f"{job.id}/{job.attempt}"


def parse_execution_id(text: str) -> tuple[JobId, int]:
    """Read `<job id>/<attempt>`. Raises InvalidInput."""
    job, slash, attempt = text.partition("/")
    if not slash or not attempt.isascii() or not attempt.isdigit() or len(attempt) > 9:
        raise InvalidInput("is not <job id>/<attempt>", field="execution_id")
    return parse_job_id(job, "execution_id"), int(attempt)


@frozen
class Output:
    """What a client says that an attempt wrote."""

    stdout: str = ""
    stderr: str = ""


async def _store(tx: Transaction, job: Job, output: Output, at: datetime) -> list[LogChunk]:
    """Append it, unless something is stored of the attempt: its worker knows better, and in which order."""
    end = await tx.logs.end(job.id, job.attempt)
    if end.next_sequence:
        return []
    counted = LegacyLog(job.id, job.attempt)
    chunks = [
        counted.chunk(data[start : start + LARGEST_PIECE], stderr=stderr, at=at)
        for data, stderr in ((output.stdout.encode(), False), (output.stderr.encode(), True))
        for start in range(0, len(data), LARGEST_PIECE)
    ]
    await tx.logs.append(chunks)
    return chunks


@frozen(kw_only=True)
class AttemptDoor:
    """Makes a move on an attempt for a client that may do so, under the same epoch check as a worker.

    When the move ends the attempt, its worker is told to stop and is free. Raises JobNotFound,
    StaleAttempt, AlreadyEnded, IllegalMove.
    """

    begin: UnitOfWork
    now: Clock
    connected: ConnectedWorkers
    release: Release
    moves: Moves
    dispatcher: Dispatcher
    signals: Signals

    async def move(
        self,
        execution: str,
        job_id: JobId | None,
        move: Move,
        *,
        why: str = "ended by a client",
        output: Output | None = None,
    ) -> Job:
        """Find the attempt, by its execution id or as the job's present one, and move it.

        `output` becomes the attempt's where none was stored before. `why` is what its worker is told.
        """
        wanted, attempt = self._attempt(execution, job_id)
        job, left, worker, chunks = await repeat(lambda: self._move(wanted, attempt, move, output))
        for chunk in chunks:
            self.moves.logs.stored(chunk)
        self.moves([job])
        if left is not None:
            self.connected.send(left.worker_id, StopAttempt(left.job_id, left.attempt, why))
        if worker is not None:
            self.connected.update([worker])
            self.signals.cleanup()
        self.dispatcher.look([job])
        return job

    def _attempt(self, execution: str, job_id: JobId | None) -> tuple[JobId, int | None]:
        if execution:
            found, attempt = parse_execution_id(execution)
            if job_id not in (None, found):
                raise InvalidInput("belongs to another job", field="execution_id")
            return found, attempt
        if job_id is None:
            raise InvalidInput("is missing", field="execution_id")
        return job_id, None

    async def _move(
        self, job_id: JobId, attempt: int | None, move: Move, output: Output | None
    ) -> tuple[Job, Leaving | None, Worker | None, list[LogChunk]]:
        async with self.begin() as tx:
            job = await lock_job(tx, job_id)
            at = self.now()
            change = move(job, job.attempt if attempt is None else attempt, at)
            chunks = [] if output is None else await _store(tx, job, output, at)
            await tx.jobs.save([change])
            if job.worker_id is None or change.after.worker_id is not None:
                return change.after, None, None, chunks
            left = Leaving(job.worker_id, job.id, job.attempt)
            return change.after, left, await self._release(tx, left), chunks

    async def _release(self, tx: Transaction, left: Leaving) -> Worker | None:
        workers = await tx.workers.lock([left.worker_id])
        freed = self.release([left], workers, at=self.now())
        await tx.workers.save(freed)
        return freed[0].after if freed else None
