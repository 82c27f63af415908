"""Judges the promises P1 to P9 from the history and the final state, without a word of the code under test.

What the words mean here. A process outlives its job when it still runs a minute after its attempt was over.
While something is broken nobody can keep a bound, so bounds of time are counted from the last fault on at
the earliest. Each process leaves its own number in the result (as its peak of memory) and its own name in
each line of output, so that a result or a line of another attempt is seen at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hodei_domain.jobs.spec import Shell

from simulation.history import Event, Key, Ran
from simulation.plan import CONTROL
from simulation.process import Script

if TYPE_CHECKING:
    from simulation.world import World

OVER = ("SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT")
PLATFORM_FLAG = 4
MINUTE = 60.0
BRIEF = 30.0  # seconds of absence that a lease of 45 s outlasts
NEW_LEADER = 30.0  # seconds until another replica leads, 20 s of a lease and a look
CANCEL_BOUND = 5.0
LOOK = 10.0  # seconds between two looks at clocks, and the way there and back
LEASE_OVER = "its lease ran out"  # why an attempt was lost
TRIES = 10  # of a delivery, in a row
SKEW = 25.0  # seconds by which the clock may have been wrong from which a job has its times


def judge(world: World) -> list[str]:
    """What was broken, each with the promise's name; empty if all were kept."""
    record = Record(world)
    found = [f"never: {problem}" for problem in world.history.problems]
    for name, promise in PROMISES.items():
        found += [f"{name}: {text}" for text in promise(record)]
    return found


class Record:
    """The history, sorted by what it is about."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.history = world.history
        self.said = world.net.said_ends
        tables = world.store.tables
        self.jobs = {str(id): job for id, job in tables.jobs.rows.items()}
        self.attempts = {(str(k[0]), k[1]): a for k, a in tables.attempts.rows.items()}
        self.chunks: dict[Key, list[Any]] = defaultdict(list)
        for key in sorted(tables.chunks.rows):
            self.chunks[str(key[0]), key[1]].append(tables.chunks.rows[key])
        self.ran: dict[str, list[Ran]] = defaultdict(list)
        self.of_attempt: dict[Key, list[Ran]] = defaultdict(list)
        for ran in self.history.ran:
            self.ran[ran.job].append(ran)
            self.of_attempt[ran.key].append(ran)
        self.events: dict[str, list[Event]] = defaultdict(list)
        for event in self.history.events:
            self.events[event.job].append(event)

    def moves(self, job: str) -> list[Event]:
        """Its changes of state, as they were committed."""
        return [event for event in self.events[job] if event.type == "JobStatusChanged"]

    def over_at(self, key: Key) -> float | None:
        """When an attempt was over for the books."""
        for event in self.moves(key[0]):
            if event.payload["attempt"] == key[1] and event.payload["new_state"] in (*OVER, "PENDING"):
                return event.at
        return None

    def mended(self, at: float) -> float:
        """That instant, or the last fault if it comes later."""
        return max(at, self.world.mended_at)

    def set_back(self, since: float, until: float) -> float:
        """Seconds by which the store's clock was set back meanwhile. What it measures takes longer."""
        steps = self.history.clock_steps
        return -sum(step for at, step in steps if since <= at <= until and step < 0)


def p1_nothing_acknowledged_is_lost(record: Record) -> Iterator[str]:
    """An acknowledged submission exists, and says what was submitted."""
    for asked in record.history.asked:
        for told in asked.told:
            job = record.jobs.get(told)
            if job is None:
                yield f"{asked.name} was told of job {told}, which does not exist"
            elif asked.spec is not None and job.spec != asked.spec:
                yield f"job {told} does not say what {asked.name} submitted"


def p2_one_end(record: Record) -> Iterator[str]:
    """A job has exactly one end, that of the process which its last attempt ran."""
    for id, job in record.jobs.items():
        ends = [e.payload["new_state"] for e in record.moves(id) if e.payload["new_state"] in OVER]
        if len(ends) > 1:
            yield f"job {id} ended {len(ends)} times: {ends}"
        if job.state.value in OVER and ends[-1:] != [job.state.value]:
            yield f"job {id} is {job.state.value}, its events say {ends}"
        after = [e for e in record.moves(id) if e.payload["old_state"] in OVER]
        if after:
            yield f"job {id} moved on from its end: {after[0].payload}"
    for key, attempt in record.attempts.items():
        result = attempt.result
        if result is None or not result.peak_memory_mib:
            continue
        mine = {ran.pid: ran for ran in record.of_attempt[key]}
        ran = mine.get(result.peak_memory_mib)
        if ran is None:
            yield f"the result of {key} is that of process {result.peak_memory_mib}, which is not its own"
        elif result.reason == "exit" and result.exit_code != ran.exit_code:
            yield f"the result of {key} is {result.exit_code}, process {ran.pid} said {ran.exit_code}"
    yield from _watchers(record)
    for key, worker in sorted({(key, worker) for _, worker, key in record.history.accepted}):
        held = record.attempts.get(key)
        if held is None or str(held.worker_id) != worker:
            yield f"worker {worker} was told that its end of {key} counts; the attempt is not its own"
        elif held.result is None or held.result.reason == "worker-lost" != record.said.get(key):
            yield f"worker {worker} was told that its end of {key} counts; the books say {held.result}"


def _watchers(record: Record) -> Iterator[str]:
    """Who watched a job saw it go on, and its end last."""
    for watcher, (id, seen) in record.history.watched.items():
        versions = [version for version, _ in seen if version]
        if versions != sorted(set(versions)):
            yield f"watcher {watcher} of job {id} saw it go back: {seen}"
        if seen and seen[-1][1] == "the end" and (len(seen) < 2 or seen[-2][1] not in OVER):
            yield f"watcher {watcher} of job {id} came to the end before the job did: {seen}"


def p3_one_live_attempt(record: Record) -> Iterator[str]:
    """The books never have two attempts at a time; and who asked for it never gets a second process."""
    for id, job in record.jobs.items():
        live: int | None = None
        for event in record.events[id]:
            if event.type == "JobAssigned":
                if live is not None:
                    yield f"job {id}: attempt {event.payload['attempt']} began before {live} was over"
                live = event.payload["attempt"]
            elif event.type == "JobStatusChanged":
                if event.payload["attempt"] != (live or event.payload["attempt"]):
                    yield f"job {id}: attempt {event.payload['attempt']} moved while {live} was live"
                if event.payload["new_state"] in (*OVER, "PENDING"):
                    live = None
        for key in [key for key in record.of_attempt if key[0] == id]:
            if len(record.of_attempt[key]) > 1:
                yield f"attempt {key} was started {len(record.of_attempt[key])} times"
        yield from _second_processes(record, id, job)
        yield from _at_the_same_time(record, id)


def _second_processes(record: Record, id: str, job: Any) -> Iterator[str]:
    """`fail` and `hold`: a further process only by the retry rules, after an end, or by hand."""
    if job.spec.on_worker_lost.value == "RETRY":
        return
    allowed = 1 + record.history.released.get(id, 0)
    back = [e.payload.get("reason") for e in record.moves(id) if e.payload["new_state"] == "PENDING"]
    tried_again = sum(reason not in ("worker-lost", "given-back") for reason in back)
    if len(record.ran[id]) > allowed + tried_again:
        told = [(r.attempt, r.worker[-4:], round(r.began, 2)) for r in record.ran[id]]
        yield f"job {id} ({job.spec.on_worker_lost.value}) has had {len(record.ran[id])} processes: {told}"
    for first, second in pairwise(record.ran[id]):
        held = job.spec.on_worker_lost.value == "HOLD" and record.history.released.get(id)
        if not held and _overlap(first, second):
            yield f"job {id} ran twice at a time: pids {first.pid}, {second.pid}"


def _at_the_same_time(record: Record, id: str) -> Iterator[str]:
    """Whose lease ran out has killed its job before, unless its agent itself stood still."""
    for first, second in pairwise(record.ran[id]):
        attempt = record.attempts.get(first.key)
        lost = attempt is not None and attempt.result is not None and LEASE_OVER in attempt.result.message
        if lost and _overlap(first, second) and first.worker not in record.history.stood_still:
            yield (
                f"job {id} ran twice at a time from {second.began:.1f} on, until {first.ended}: "
                f"pids {first.pid}, {second.pid}"
            )


def _overlap(first: Ran, second: Ran) -> bool:
    return first.ended is None or second.began < first.ended


def p4_output(record: Record) -> Iterator[str]:
    """What is kept is what the process wrote, from its beginning, complete or marked."""
    for key, chunks in record.chunks.items():
        text, marked, sequence, offset = b"", False, 0, 0
        for chunk in chunks:
            if (chunk.first_sequence, chunk.first_offset) != (sequence, offset):
                yield f"the output of {key} has a hole or an overlap at {chunk.first_sequence}"
            sequence, offset = chunk.next_sequence, chunk.next_offset
            if _is_platform(chunk):
                marked = True
            else:
                if marked:
                    yield f"output of {key} was kept behind the mark that it is lost"
                text += chunk.data
        wrote = bytes(record.of_attempt[key][0].wrote) if record.of_attempt[key] else b""
        if not wrote.startswith(text):
            yield f"the output of {key} is not what its process wrote: {text[:80]!r}"
    for at, key in record.history.kept:
        over = record.over_at(key)
        if over is not None and at > over:
            yield f"output of {key} was kept at {at:.2f}, after the attempt was over"
    for key, attempt in record.attempts.items():
        yield from _complete(record, key, attempt)
    yield from _readers(record)


def _is_platform(chunk: Any) -> bool:
    return len(chunk.runs) == 16 and bool(chunk.runs[0] & PLATFORM_FLAG)


def _complete(record: Record, key: Key, attempt: Any) -> Iterator[str]:
    """All of it when the worker's own end was accepted; else a mark, if the process is known to have run."""
    if attempt.result is None or not record.of_attempt[key]:
        return
    chunks = record.chunks.get(key, [])
    kept = b"".join(chunk.data for chunk in chunks if not _is_platform(chunk))
    wrote = bytes(record.of_attempt[key][0].wrote)
    if kept == wrote or any(_is_platform(chunk) for chunk in chunks):
        return
    if attempt.result.peak_memory_mib:
        yield f"the end of {key} was accepted with {len(kept)} of {len(wrote)} bytes of its output"
    elif attempt.started_at is not None:
        yield f"{key} ended by {attempt.result.reason} with {len(kept)} of {len(wrote)} bytes and no mark"


def _readers(record: Record) -> Iterator[str]:
    """Who followed the output saw each line once, in order, and all of it at the end."""
    for reader, lines in record.history.read.items():
        id, ended = record.history.readers[reader]
        for before, after in pairwise(lines):
            if after[0] < before[0] or (after[0] == before[0] and after[1] != before[1] + 1):
                yield f"reader {reader} of job {id} saw {after[:2]} after {before[:2]}"
            if after[0] > before[0] and after[1] != 0:
                yield f"reader {reader} of job {id} saw attempt {after[0]} from {after[1]} on"
        stored = sum(c.lines for key, chunks in record.chunks.items() if key[0] == id for c in chunks)
        job = record.jobs.get(id)
        if ended and job is not None and job.state.value in OVER and len(lines) != stored:
            yield f"reader {reader} of job {id} came to the end after {len(lines)} of {stored} lines"


def p5_cancel_and_timeout(record: Record) -> Iterator[str]:
    """A cancel and a clock end a job within grace and bound, once nothing is broken any more."""
    for id, job in record.jobs.items():
        over = [e.at for e in record.moves(id) if e.payload["new_state"] in OVER]
        end = over[0] if over else record.world.now
        grace = job.spec.clocks.grace.total_seconds()
        slack = grace + CANCEL_BOUND + LOOK + NEW_LEADER + SKEW
        asked = record.history.cancelled.get(id)
        if asked is not None:
            if end > record.mended(asked) + slack:
                yield f"job {id} was cancelled at {asked:.1f} and ended at {end:.1f}"
            if asked < end and over and job.state.value not in ("CANCELLED", "SUCCEEDED"):
                yield f"job {id} was cancelled and is {job.state.value}"
        if job.spec.clocks.total is not None:
            created = next(e.at for e in record.events[id] if e.type == "JobCreated")
            due = created + job.spec.clocks.total.total_seconds() + record.set_back(created, end)
            if end > record.mended(due) + slack:
                yield f"job {id} was due at {due:.1f} by its total clock and ended at {end:.1f}"
        if job.spec.clocks.execution is not None:
            for ran in record.ran[id]:
                due = ran.began + job.spec.clocks.execution.total_seconds()
                if (ran.ended or record.world.now) > record.mended(due) + slack:
                    yield f"pid {ran.pid} of job {id} was due at {due:.1f} and ended at {ran.ended}"


def p6_nothing_outlives_its_job(record: Record) -> Iterator[str]:
    """No process runs a minute after its attempt was over, and no machine is left that nobody wants."""
    for ran in record.history.ran:
        over = record.over_at(ran.key)
        ended = ran.ended if ran.ended is not None else record.world.now
        if over is not None and ended > record.mended(over) + MINUTE:
            yield f"pid {ran.pid} of {ran.key} ended at {ran.ended}; its attempt was over at {over:.1f}"
    if not record.world.settled:
        for orphan in record.world.orphans():
            yield f"the machine of worker {orphan} is left over"


def p7_idempotent(record: Record) -> Iterator[str]:
    """The same submission is one job; and there is no job that nobody submitted."""
    for asked in record.history.asked:
        if (asked.by_id or asked.by_key) and len(set(asked.told)) > 1:
            yield f"{asked.name} is {len(set(asked.told))} jobs: {asked.told}"
        if asked.by_id and set(asked.told) - {asked.by_id}:
            yield f"{asked.name} asked for job {asked.by_id} and was told of {asked.told}"
        if asked.by_key:
            mine = [id for id, job in record.jobs.items() if job.idempotency_key == asked.by_key]
            if len(mine) > 1:
                yield f"key {asked.by_key} has {len(mine)} jobs"
    told = [id for asked in record.history.asked for id in set(asked.told)]
    if len(told) != len(set(told)):
        yield "two submissions were told of one job"
    most = sum(1 if a.by_id or a.by_key else a.sent for a in record.history.asked)
    if len(record.jobs) > most:
        yield f"there are {len(record.jobs)} jobs of {most} submissions"


def p8_restarts_kill_nothing(record: Record) -> Iterator[str]:
    """Where only the control plane and its store broke, and not for long, no process died of it."""
    if record.world.plan.profile != CONTROL or record.world.longest_absence > BRIEF:
        return
    for id in record.jobs:
        for event in record.moves(id):
            if event.payload.get("reason") == "worker-lost":
                yield f"job {id} lost its worker in attempt {event.payload['attempt']}"
    for ran in record.history.ran:
        job = record.jobs.get(ran.job)
        clocks = job is not None and (
            job.spec.clocks.execution or job.spec.clocks.no_output or job.spec.clocks.total
        )
        if (
            ran.exit_code is None
            and ran.ended is not None
            and not clocks
            and ran.job not in record.history.cancelled
        ):
            yield f"pid {ran.pid} of {ran.key} was killed at {ran.ended:.1f}"


def p9_what_cannot_be_delivered_fails(record: Record) -> Iterator[str]:
    """An order that breaks every stream ends its job, with the reason, after ten tries in a row at most."""
    for id, job in record.jobs.items():
        command = job.spec.command
        if not isinstance(command, Shell) or not Script.read(command.command).unreadable:
            continue
        if record.ran[id]:
            yield f"job {id} ran, although its order cannot be read"
        tries = 0
        for event in record.moves(id):
            if event.payload.get("reason") == "given-back":
                tries += 1
            elif event.payload["new_state"] == "PENDING":
                tries = 0
            if tries >= TRIES:
                yield f"job {id} came back {tries} times in a row"
        reason = "" if job.result is None else job.result.reason
        if job.state.value == "FAILED" and reason not in ("undeliverable", "worker-lost"):
            yield f"job {id} could not be delivered and failed by {reason}"


def settles(record: Record) -> Iterator[str]:
    """Everything comes to its end."""
    world = record.world
    if world.settled:
        return
    for id, job in record.jobs.items():
        if job.state.value not in OVER and not job.held:
            yield f"job {id} is still {job.state.value}, attempt {job.attempt}, held {job.held}"
    for worker in world.store.tables.workers.rows.values():
        if not worker.is_over and worker.state.value in ("CREATING", "CONNECTING", "TERMINATING"):
            yield f"worker {worker.id} is still {worker.state.value}: {worker.reason}"
    for ran in record.history.ran:
        if ran.ended is None:
            yield f"pid {ran.pid} of {ran.key} still runs"
    for node in world.loop.nodes:
        left = [task.get_name() for task in node.tasks if not task.done()]
        if node.name.startswith("client") and left:
            yield f"{node.name} still waits: {left}"


PROMISES: dict[str, Callable[[Record], Iterator[str]]] = {
    "P1": p1_nothing_acknowledged_is_lost,
    "P2": p2_one_end,
    "P3": p3_one_live_attempt,
    "P4": p4_output,
    "P5": p5_cancel_and_timeout,
    "P6": p6_nothing_outlives_its_job,
    "P7": p7_idempotent,
    "P8": p8_restarts_kill_nothing,
    "P9": p9_what_cannot_be_delivered_fails,
    "settles": settles,
}
