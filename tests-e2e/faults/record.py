"""What is left when all is over: the tables, the audit trail and the traces of the processes themselves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.clients import own_bytes
from faults.history import History
from faults.system import System

Key = tuple[str, int]
"""A job's id and the number of an attempt."""

_JOBS = """
SELECT id::text, state, attempt, held, result->>'reason', (result->>'exit_code')::integer,
       extract(epoch FROM created_at)::float, extract(epoch FROM completed_at)::float FROM jobs
"""
_ATTEMPTS = """
SELECT job_id::text, attempt, worker_id::text, reason, exit_code, extract(epoch FROM started_at)::float,
       extract(epoch FROM ended_at)::float, document::text FROM job_attempts
"""
_CHUNKS = """
SELECT job_id::text, attempt, first_sequence, lines, first_offset, nbytes, gap_bytes, runs, data
FROM job_log_chunks ORDER BY job_id, attempt, first_sequence
"""
_EVENTS = """
SELECT correlation_id, event_type, payload FROM audit_logs
WHERE event_type IN ('JobAssigned', 'JobStatusChanged') ORDER BY occurred_at, id
"""
_KEYS = "SELECT idempotency_key, count(*) FROM jobs WHERE idempotency_key IS NOT NULL GROUP BY 1"


@dataclass(frozen=True)
class JobRow:
    """A job at the end. Times are seconds of time.time()."""

    id: str
    state: str
    attempt: int
    held: bool
    reason: str | None
    exit_code: int | None
    created_at: float
    completed_at: float | None


@dataclass(frozen=True)
class AttemptRow:
    """An attempt that ended."""

    job: str
    number: int
    worker: str
    reason: str
    exit_code: int | None
    started_at: float | None
    ended_at: float
    document: str = ""  # with the words of whoever ended it


@dataclass(frozen=True)
class Chunk:
    """Output as it is stored."""

    first_sequence: int
    lines: int
    first_offset: int
    nbytes: int
    gap_bytes: int
    own: bytes  # what the job wrote, without the platform's words
    platform: bool  # whether the platform wrote into it


@dataclass(frozen=True)
class Trace:
    """What a process of a job left on the disk, whoever heard of it."""

    pid: int
    began: float
    ended: float | None  # None: it was killed, or still runs


@dataclass
class Record:
    """All of it, sorted by what it is about."""

    history: History
    jobs: dict[str, JobRow] = field(default_factory=dict)
    attempts: dict[Key, AttemptRow] = field(default_factory=dict)
    chunks: dict[Key, list[Chunk]] = field(default_factory=lambda: defaultdict(list))
    events: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))
    traces: dict[Key, list[Trace]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[str, int] = field(default_factory=dict)

    def processes(self, job: str) -> list[Trace]:
        """Of all attempts of a job, in order."""
        found = [trace for key, traces in self.traces.items() if key[0] == job for trace in traces]
        return sorted(found, key=lambda trace: trace.began)

    def mended(self, at: float) -> float:
        """That instant, or the last fault if it comes later, by a clock that may have been ahead."""
        return max(at, self.history.mended_at) + self.history.database_ahead


async def read(system: System, history: History) -> Record:
    """Take everything in."""
    record = Record(history)
    for job in await system.rows(_JOBS):
        record.jobs[job[0]] = JobRow(*job)
    for attempt in await system.rows(_ATTEMPTS):
        record.attempts[attempt[0], attempt[1]] = AttemptRow(*attempt)
    for job_id, number, *numbers, runs, data in await system.rows(_CHUNKS):
        flags = memoryview(runs).cast("I")[0::4]
        values: list[Any] = [*numbers, own_bytes(runs, data), any(flag & 4 for flag in flags)]
        chunk = Chunk(*values)
        record.chunks[job_id, number].append(chunk)
    for job_id, kind, payload in await system.rows(_EVENTS):
        record.events[job_id].append((kind, payload))
    for key, count in await system.rows(_KEYS):
        record.keys[key] = count
    _read_traces(system.place / "truth", record)
    return record


def _read_traces(truth: Path, record: Record) -> None:
    for began in truth.glob("*.began"):
        job, attempt, pid = began.stem.split(".")
        ended = began.with_suffix(".ended")
        at = ended.stat().st_mtime if ended.exists() else None
        record.traces[job, int(attempt)].append(Trace(int(pid), began.stat().st_mtime, at))
