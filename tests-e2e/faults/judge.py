"""Judges the promises P1 to P8 from what clients were told, what is kept, and the traces of the processes.

Nothing of the code under test is used. While something is broken nobody can keep a bound, so bounds of time
are counted from the last fault on at the earliest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from faults.record import AttemptRow, Record

OVER = ("SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT")
OWN_ENDS = ("exit", "cancelled", "timeout:execution")  # told by the worker, which then has sent all output
GRACE, BOUND, LOOK = 10.0, 5.0, 20.0  # seconds: a job's grace, ours beyond it, and until somebody looks
NEW_LEADER = 25.0
TOLD_BY_ITSELF = "could not reach the server within its lease"
LOST_BUDGET = 4  # attempts that a job may lose with their workers, and some


def judge(record: Record) -> list[str]:
    """What was broken, each with the promise's name; empty if all were kept."""
    found = [f"never: {problem}" for problem in record.history.problems]
    for name, promise in PROMISES.items():
        found += [f"{name}: {text}" for text in promise(record)]
    return found


def p1_nothing_acknowledged_is_lost(record: Record) -> Iterator[str]:
    """An acknowledged submission exists, and ends."""
    for job in record.history.by_job():
        if job not in record.jobs:
            yield f"a client was told of job {job}, which does not exist"
        elif record.jobs[job].state not in OVER:
            row = record.jobs[job]
            yield f"job {job} is still {row.state}, attempt {row.attempt}, held {row.held}"


def p2_one_end(record: Record) -> Iterator[str]:
    """A job has exactly one end, that of the process which its last attempt ran."""
    wishes = record.history.by_job()
    for id, job in record.jobs.items():
        moves = [payload for kind, payload in record.events[id] if kind == "JobStatusChanged"]
        ends = [move["new_state"] for move in moves if move["new_state"] in OVER]
        if job.state in OVER and ends != [job.state]:
            yield f"job {id} is {job.state}, its events say {ends}"
        if any(move["old_state"] in OVER for move in moves):
            yield f"job {id} moved on from its end"
        if job.reason == "exit":
            ended = [trace for trace in record.traces[id, job.attempt] if trace.ended is not None]
            if not ended:
                yield f"job {id} is said to have exited in attempt {job.attempt}; no process of it did"
            wanted = wishes[id].code if id in wishes else None
            if wanted is not None and job.exit_code != wanted:
                yield f"job {id} exited with {job.exit_code}, its process with {wanted}"


def p3_one_live_attempt(record: Record) -> Iterator[str]:
    """The books never have two attempts at a time, and an attempt never has two processes."""
    for id in record.jobs:
        live: int | None = None
        for kind, payload in record.events[id]:
            number = payload["attempt"]
            if kind == "JobAssigned":
                if live is not None:
                    yield f"job {id}: attempt {number} began before {live} was over"
                live = number
            else:
                if live is not None and number != live:
                    yield f"job {id}: attempt {number} moved while {live} was live"
                if payload["new_state"] in (*OVER, "PENDING"):
                    live = None
    for key, traces in record.traces.items():
        if len(traces) > 1:
            yield f"attempt {key} was started {len(traces)} times: {traces}"
    for id, wish in record.history.by_job().items():
        if wish.shape == "strict" and len(record.processes(id)) > 1:
            yield f"job {id} was to run once at most and had {record.processes(id)}"


def p4_output(record: Record) -> Iterator[str]:
    """What is kept is what the process wrote, complete or marked; who followed saw just that."""
    for key, chunks in record.chunks.items():
        sequence = offset = 0
        for chunk in chunks:
            if (chunk.first_sequence, chunk.first_offset) != (sequence, offset):
                yield f"the output of {key} has a hole or an overlap at {chunk.first_sequence}"
            sequence, offset = (
                chunk.first_sequence + chunk.lines,
                chunk.first_offset + chunk.nbytes + chunk.gap_bytes,
            )
    wishes = record.history.by_job()
    for key, traces in record.traces.items():
        wish = wishes.get(key[0])
        if wish is None or len(traces) != 1:
            continue
        wrote = wish.expected(key[1], traces[0].pid)
        kept = b"".join(chunk.own for chunk in record.chunks.get(key, []))
        marked = any(chunk.platform or chunk.gap_bytes for chunk in record.chunks.get(key, []))
        if not wrote.startswith(kept) and not marked:
            yield f"the output of {key} is not what its process wrote: {kept[:80]!r}…{kept[-80:]!r}"
        attempt = record.attempts.get(key)
        if attempt is not None and attempt.reason == "exit" and kept != wrote and not marked:
            yield f"{key} ended by itself with {len(kept)} of {len(wrote)} bytes of its output and no mark"
        if attempt is not None and _is_cut_off(attempt) and not marked:
            yield f"{key} ended by {attempt.reason} with {len(kept)} bytes of its output and no mark"
    yield from _readers(record)


def _is_cut_off(attempt: AttemptRow) -> bool:
    """Whether the worker itself could not say that its output is complete: it can when it ended the job for
    the end of its lease, and was back before anybody had judged.
    """
    return (
        attempt.reason == "worker-lost"
        and attempt.started_at is not None
        and TOLD_BY_ITSELF not in attempt.document
    )


def _readers(record: Record) -> Iterator[str]:
    for reading in record.history.readings:
        seen: dict[int, int] = {}
        own: dict[int, bytes] = {}
        for attempt, first, lines, data in reading.chunks:
            if first != seen.get(attempt, 0) or attempt < max(seen, default=0):
                yield f"a reader of {reading.job} got attempt {attempt} from {first} on, after {seen}"
            seen[attempt] = first + lines
            own[attempt] = own.get(attempt, b"") + data
        for attempt, text in own.items():
            kept = b"".join(chunk.own for chunk in record.chunks.get((reading.job, attempt), []))
            if not kept.startswith(text) or (reading.ended and kept != text):
                told = f"{len(text)} of {len(kept)} bytes of attempt {attempt}"
                yield f"a reader of {reading.job} saw {told}, to the end: {reading.ended}"
        stored = {key[1] for key in record.chunks if key[0] == reading.job}
        if reading.ended and stored - set(own):
            yield f"a reader of {reading.job} came to the end without attempts {sorted(stored - set(own))}"


def p5_cancel_and_timeout(record: Record) -> Iterator[str]:
    """A cancel and a clock end a job within grace and bound, once nothing is broken any more."""
    slack = GRACE + BOUND + LOOK + NEW_LEADER
    for id, wish in record.history.by_job().items():
        job = record.jobs.get(id)
        if job is None or job.completed_at is None:
            continue
        if wish.cancelled_at is not None and job.completed_at > record.mended(wish.cancelled_at) + slack:
            yield f"job {id} was cancelled and ended {job.completed_at - wish.cancelled_at:.1f} s later"
        if wish.shape == "cancelled" and job.state != "CANCELLED":
            yield f"job {id} runs until it is cancelled, and is {job.state} ({job.reason})"
        if wish.clock is not None:
            yield from _clock(record, id, wish.clock, slack)


def _clock(record: Record, id: str, clock: float, slack: float) -> Iterator[str]:
    job = record.jobs[id]
    if job.state != "TIMEOUT" and job.reason != "worker-lost":
        yield f"job {id} runs until its clock ends it, and is {job.state} ({job.reason})"
    for key, attempt in record.attempts.items():
        if key[0] == id and attempt.started_at is not None:
            due = attempt.started_at + clock
            if attempt.ended_at > record.mended(due) + slack:
                yield f"attempt {key} was due after {clock} s and ended {attempt.ended_at - due:.1f} s later"


def p6_retries_are_counted(record: Record) -> Iterator[str]:
    """Nobody has more attempts than the rules allow."""
    for id, wish in record.history.by_job().items():
        own = [a for key, a in record.attempts.items() if key[0] == id and a.reason in OWN_ENDS]
        most = 3 if wish.shape == "retries" else 1
        if len(own) > most:
            yield f"job {id} ({wish.shape}) came to an end of its own {len(own)} times"
        lost = [a for key, a in record.attempts.items() if key[0] == id and a.reason == "worker-lost"]
        if len(lost) > LOST_BUDGET:
            yield f"job {id} lost {len(lost)} workers"


def p7_idempotent(record: Record) -> Iterator[str]:
    """The same submission is one job, and there is no job that nobody submitted."""
    for wish in record.history.wishes:
        if wish.safe and len(set(wish.told)) > 1:
            yield f"{wish.shape}-{wish.number} is {len(set(wish.told))} jobs"
        if wish.id and set(wish.told) - {wish.id}:
            yield f"{wish.shape}-{wish.number} asked for job {wish.id} and was told of {wish.told}"
        if wish.key and record.keys.get(wish.key, 0) > 1:
            yield f"key {wish.key} has {record.keys[wish.key]} jobs"
    most = sum(1 if wish.safe else wish.sent for wish in record.history.wishes)
    if len(record.jobs) > most:
        yield f"there are {len(record.jobs)} jobs of {most} submissions"


def p8_restarts_kill_nothing(record: Record) -> Iterator[str]:
    """Where the worker itself was not hurt, its job is neither lost nor killed."""
    for key, attempt in record.attempts.items():
        if attempt.worker in record.history.hurt:
            continue
        if attempt.reason == "worker-lost":
            yield f"{key} lost its worker {attempt.worker}, which nobody had hurt"
        if attempt.reason == "signal":
            yield f"the process of {key} on worker {attempt.worker} was killed by nobody"


PROMISES: dict[str, Callable[[Record], Iterator[str]]] = {
    "P1": p1_nothing_acknowledged_is_lost,
    "P2": p2_one_end,
    "P3": p3_one_live_attempt,
    "P4": p4_output,
    "P5": p5_cancel_and_timeout,
    "P6": p6_retries_are_counted,
    "P7": p7_idempotent,
    "P8": p8_restarts_kill_nothing,
}
