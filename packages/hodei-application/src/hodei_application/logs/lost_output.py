"""The mark in a job's log where the rest of an attempt's output is missing."""

from __future__ import annotations

from datetime import datetime

from hodei_domain.jobs.job import Job
from hodei_domain.logs.chunk import PLATFORM, LogChunk, Run, pack_runs, to_microseconds

from hodei_application.ports import Transaction


async def mark_lost_output(tx: Transaction, job: Job, why: str, at: datetime) -> LogChunk:
    """Write, behind what is stored of the job's present attempt, that whatever followed is lost.

    How much it was nobody knows: it lay on the worker. Later deliveries are refused by the epoch, so
    nothing follows.
    """
    end = await tx.logs.end(job.id, job.attempt)
    text = f"hodei: {why}; output that it had not sent yet is lost\n".encode()
    chunk = LogChunk(
        job_id=job.id,
        attempt=job.attempt,
        first_sequence=end.next_sequence,
        lines=1,
        first_offset=end.next_offset,
        base_time_us=to_microseconds(at),
        runs=pack_runs([Run(PLATFORM, 1, 0, len(text))]),
        data=text,
    )
    await tx.logs.append([chunk])
    return chunk
