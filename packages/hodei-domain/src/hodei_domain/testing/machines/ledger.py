"""Queue and attempts in a store, under every message in every order; judged by the promises P1 to P3, P5 and
P7.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from attrs import define, field
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, precondition, rule

from hodei_domain.jobs.errors import AlreadyEnded, IllegalMove, JobChangedMeanwhile, StaleAttempt
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.spec import OnWorkerLost, Priority, RetryRules
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.demand import ANY
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.testing.fakes import SeqIds
from hodei_domain.testing.machines.on_store import StoreMachine
from hodei_domain.testing.making import FAILURE, SUCCESS, T0, submission
from hodei_domain.testing.stores import Stores

ENDS = ("SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT")
REFUSALS = (AlreadyEnded, StaleAttempt, IllegalMove)
Move = Callable[[Job], Change[Job]]
AT_ONCE = RetryRules(max_attempts=3, initial=timedelta(0), maximum=timedelta(0))


@define
class Noted:
    """What a person would note down about a job."""

    state: str = "PENDING"
    attempt: int = 0
    worker: WorkerId | None = None
    wish: bool = False
    held: bool = False
    failures: int = 0
    losses: int = 0
    permits: int = 0  # attempts that a person allowed after a loss
    priority: Priority = Priority.NORMAL
    turn: int = 0
    policy: OnWorkerLost = OnWorkerLost.RETRY
    accepted_ends: int = 0
    workers: list[WorkerId] = field(factory=list)

    @property
    def active(self) -> bool:
        """Whether a worker holds it."""
        return self.state in ("SCHEDULED", "RUNNING")


def some_active(machine: "LedgerMachine") -> bool:
    """Whether some worker holds a job."""
    return any(note.active for note in machine.noted.values())


class LedgerMachine(StoreMachine):
    """Messages reach the store as use cases send them: read or lock, move, save."""

    jobs: Bundle[JobId] = Bundle("jobs")

    def __init__(self) -> None:
        self.noted: dict[JobId, Noted] = {}
        self.keys: dict[str, JobId] = {}
        self.now = T0
        self.ids = SeqIds()  # examples must repeat exactly
        super().__init__()

    @rule(
        target=jobs,
        key=st.none() | st.sampled_from("abc"),
        priority=st.sampled_from(Priority),
        policy=st.sampled_from(OnWorkerLost),
        turns=st.lists(st.integers(0, 3), min_size=1, max_size=3),
    )
    def submit(self, key: str | None, priority: Priority, policy: OnWorkerLost, turns: list[int]) -> Any:
        made = (self._submit_one(key, priority, policy, turn) for turn in turns)
        return multiple(*(id for id in made if id is not None))

    def _submit_one(
        self, key: str | None, priority: Priority, policy: OnWorkerLost, turn: int
    ) -> JobId | None:
        change = submission(
            id=JobId(self.ids()),
            at=self._tick(),
            idempotency_key=key,
            priority=priority,
            on_worker_lost=policy,
            max_losses=1,
            retry=AT_ONCE,
            turn=turn,
        )
        id, is_new = self.run(self._submit(change))
        if key is not None and key in self.keys:
            assert (id, is_new) == (self.keys[key], False), "P7: one key, one job"
            return None
        assert is_new
        self.noted[id] = Noted(priority=priority, turn=turn, policy=policy)
        if key is not None:
            self.keys[key] = id
        return id

    async def _submit(self, change: Change[Job]) -> tuple[JobId, bool]:
        key = change.after.idempotency_key
        try:
            async with self.begin() as tx:
                await tx.jobs.save([change])
        except JobChangedMeanwhile:
            async with self.begin() as tx:
                return (await tx.jobs.by_idempotency([("", key or "")]))["", key or ""].id, False
        return change.after.id, True

    @rule(limit=st.integers(1, 4), claimers=st.integers(1, 3), and_start=st.booleans())
    def claim(self, limit: int, claimers: int, and_start: bool) -> None:
        waiting = self._waiting()
        # a worker holds one attempt at a time, so each job gets a worker of its own
        workers = [[WorkerId(self.ids()) for _ in range(limit)] for _ in range(claimers)]
        taken = self.run(self._claim_together(workers))
        ids = [id for _, id in taken]
        assert len(ids) == len(set(ids)), "P3: two claims never return the same job"
        assert set(ids) <= set(waiting)
        if claimers == 1:
            assert ids == waiting[:limit], "priority, then turn, then id"
        for worker, id in taken:
            note = self.noted[id]
            note.state, note.attempt, note.worker = "SCHEDULED", note.attempt + 1, worker
            note.workers.append(worker)
            if and_start:
                self.start(id, 0)

    async def _claim_together(self, workers: list[list[WorkerId]]) -> list[tuple[WorkerId, JobId]]:
        at = self._tick()

        async def claim(free: list[WorkerId]) -> list[tuple[WorkerId, JobId]]:
            async with self.begin() as tx:
                matched = list(zip(free, await tx.queue.claim([ANY.key], len(free)), strict=False))
                await tx.jobs.save([job.assign(worker, at=at) for worker, job in matched])
            return [(worker, job.id) for worker, job in matched]

        return [pair for pairs in await asyncio.gather(*map(claim, workers)) for pair in pairs]

    @precondition(some_active)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """The next word of a worker that does what it should."""
        id = data.draw(st.sampled_from([id for id, note in self.noted.items() if note.active]))
        if self.noted[id].state == "SCHEDULED":
            self.start(id, 0)
        else:
            self.result(id, 0, data.draw(st.booleans()), 1)

    @rule(id=jobs, behind=st.sampled_from([0, 0, 0, 1]))
    def start(self, id: JobId, behind: int) -> None:
        note = self.noted[id]
        number = note.attempt - behind
        if self._said(id, lambda job: job.start(number, at=self._tick()), note.active and behind == 0):
            note.state = "RUNNING"

    @rule(id=jobs, behind=st.sampled_from([0, 0, 0, 1]), succeeds=st.booleans(), times=st.integers(1, 3))
    def result(self, id: JobId, behind: int, succeeds: bool, times: int) -> None:
        """The worker's word, said once or again and again as after lost acks."""
        note = self.noted[id]
        number, due = note.attempt - behind, note.active and behind == 0
        told = SUCCESS if succeeds else FAILURE
        for _ in range(times):
            if self._said(id, lambda job: job.finish(number, told, at=self._tick()), due):
                self._note_result(note, succeeds)
            due = False

    def _note_result(self, note: Noted, succeeds: bool) -> None:
        if succeeds:
            self._note_end(note, "SUCCEEDED")
        elif note.wish:
            self._note_end(note, "CANCELLED")
        else:
            note.failures += 1
            if note.failures < 3:
                note.state, note.worker = "PENDING", None
            else:
                self._note_end(note, "FAILED")

    @rule(id=jobs, hasty=st.integers(0, 2))
    def cancel(self, id: JobId, hasty: int) -> None:
        note = self.noted[id]
        if hasty and not note.active:  # most jobs shall live to be assigned
            return
        if self._said(
            id, lambda job: job.cancel(at=self._tick()), note.state not in (*ENDS, "") or note.wish
        ):
            already = note.wish or note.state == "CANCELLED"
            note.wish = True
            if not already and note.state == "PENDING":
                self._note_end(note, "CANCELLED")

    @precondition(some_active)
    @rule(data=st.data())
    def a_worker_falls_silent(self, data: st.DataObject) -> None:
        """Its leases run out, and the reaper finds exactly what it held."""
        held = [note.worker for note in self.noted.values() if note.active and note.worker is not None]
        worker = data.draw(st.sampled_from(held))
        lost = self.run(self._run_out(worker))
        expected = {id for id, note in self.noted.items() if note.active and note.worker == worker}
        assert {entry.job_id for entry in lost} == expected
        for entry in lost:
            note, number = self.noted[entry.job_id], entry.attempt
            assert number == note.attempt
            assert self._said(entry.job_id, self._losing(number), True)
            self._note_loss(note)

    async def _run_out(self, worker: WorkerId) -> list[Any]:
        async with self.begin() as tx:
            await tx.leases.renew([worker], timedelta(0))
        async with self.begin() as tx:
            return await tx.leases.expired(1000)

    def _note_loss(self, note: Noted) -> None:
        if note.wish:
            self._note_end(note, "CANCELLED")
            return
        note.losses += 1
        if note.policy is OnWorkerLost.FAIL or (note.policy is OnWorkerLost.RETRY and note.losses > 1):
            self._note_end(note, "FAILED")
        else:
            note.state, note.worker, note.held = "PENDING", None, note.policy is OnWorkerLost.HOLD

    @rule(id=jobs)
    def release(self, id: JobId) -> None:
        note = self.noted[id]
        if self._said(id, lambda job: job.release(at=self._tick()), note.held and note.state == "PENDING"):
            note.held, note.permits = False, note.permits + 1

    @precondition(some_active)
    @rule(data=st.data())
    def several_speak_at_once(self, data: st.DataObject) -> None:
        """Success, cancellation and loss race without locks: each save wins or is refused, and nothing is in
        between.
        """
        id = data.draw(st.sampled_from([id for id, note in self.noted.items() if note.active]))
        note = self.noted[id]
        if note.wish:
            return
        at, number = self._tick(), note.attempt
        moves: list[Move] = [
            lambda job: job.finish(number, SUCCESS, at=at),
            lambda job: job.cancel(at=at),
            lambda job: job.lose(number, at=at, why="race"),
        ]
        before = self.run(self._read(id))
        found = self.run(self._race(before, moves))
        won = [
            move for move, refused in zip(("success", "cancel", "loss"), found, strict=True) if not refused
        ]
        assert len(won) == 1, "P2: of those that read the same state one is accepted"
        if won == ["success"]:
            self._note_end(note, "SUCCEEDED")
        elif won == ["cancel"]:
            note.wish = True
        else:
            self._note_loss(note)

    async def _race(self, job: Job, moves: list[Move]) -> list[bool]:
        async def save(move: Move) -> bool:
            try:
                async with self.begin() as tx:
                    await tx.jobs.save([move(job)])
            except JobChangedMeanwhile:
                return True
            return False

        return list(await asyncio.gather(*map(save, moves)))

    @precondition(lambda self: any(note.wish and note.active for note in self.noted.values()))
    @rule()
    def the_bound_of_the_wishes_passes(self) -> None:
        """P5: whoever asked for an end gets one, whatever the worker does."""
        for overdue in self.run(self._overdue()):
            note = self.noted[overdue.job_id]
            assert note.wish
            assert self._said(overdue.job_id, self._expiring(overdue.clock), True)
            self._note_end(note, "CANCELLED")
        assert not any(note.wish and note.active for note in self.noted.values())

    async def _overdue(self) -> list[Any]:
        async with self.begin() as tx:
            return await tx.clocks.overdue(self.now + timedelta(hours=2))

    @invariant()
    def the_store_is_as_noted(self) -> None:
        found = self.run(self._read_all())
        assert found.keys() == self.noted.keys(), "P1: what was acknowledged is there"
        for id, job in found.items():
            note = self.noted[id]
            assert (job.state, job.attempt, job.held) == (note.state, note.attempt, note.held)
            assert job.worker_id == (note.worker if note.active else None)
            assert (job.cancel_wish is not None) == note.wish
            assert note.accepted_ends == (1 if job.state in ENDS else 0), "P2: one end"
            if note.policy is not OnWorkerLost.RETRY and note.losses:
                assert note.attempt <= 1 + note.failures + note.permits, "P3: no second attempt by itself"

    @invariant()
    def the_queue_holds_what_waits(self) -> None:
        assert self.run(self._queued()) == self._waiting()

    def at_the_end(self) -> None:
        """The history agrees: one attempt at a time, one end, strictly rising."""
        for id, note in self.noted.items():
            attempts, records = self.run(self._history(id))
            assert [attempt.number for attempt in attempts] == list(range(1, note.attempt + 1))
            assert [attempt.worker_id for attempt in attempts] == note.workers
            open_ones = [attempt for attempt in attempts if attempt.ended_at is None]
            assert len(open_ones) == (1 if note.active else 0), "P3: one live attempt"
            for earlier, later in pairwise(attempts):
                assert earlier.ended_at is not None
                assert earlier.ended_at < later.assigned_at
            times = [record.occurred_at for record in records]
            assert times == sorted(set(times))
            assert records[0].event_type == "JobCreated"
            ends = [r for r in records if r.payload.get("new_state") in ENDS]
            assert len(ends) == note.accepted_ends

    async def _history(self, id: JobId) -> tuple[Any, Any]:
        async with self.begin() as tx:
            return await tx.job_views.attempts(id), await tx.audit.by_correlation(str(id))

    async def _read(self, id: JobId) -> Job:
        async with self.begin() as tx:
            return await tx.jobs.get(id)

    async def _read_all(self) -> dict[JobId, Job]:
        async with self.begin() as tx:
            return await tx.jobs.find(list(self.noted))

    async def _queued(self) -> list[JobId]:
        async with self.begin() as tx:
            assert await tx.queue.depth() == len(self._waiting())
            return [job.id for job in await tx.queue.claim([ANY.key], 1000)]

    def _waiting(self) -> list[JobId]:
        waiting = [
            (-n.priority, n.turn, id) for id, n in self.noted.items() if n.state == "PENDING" and not n.held
        ]
        return [id for _, _, id in sorted(waiting)]

    def _said(self, id: JobId, move: Move, due: bool) -> bool:
        """Tell the store; whether it was accepted, which must be if and only if it is due."""
        accepted = self.run(self._tell(id, move))
        assert accepted == due
        return accepted

    async def _tell(self, id: JobId, move: Move) -> bool:
        try:
            async with self.begin() as tx:
                await self._move(tx, id, move)
        except REFUSALS:
            return False
        return True

    async def _move(self, tx: Stores, id: JobId, move: Move) -> None:
        job = (await tx.jobs.lock([id]))[id]
        await tx.jobs.save([move(job)])

    def _losing(self, attempt: int) -> Move:
        return lambda job: job.lose(attempt, at=self._tick(), why="silent")

    def _expiring(self, clock: str) -> Move:
        return lambda job: job.expire(clock, at=self._tick())

    def _note_end(self, note: Noted, state: str) -> None:
        note.state, note.worker, note.held = state, None, False
        note.accepted_ends += 1

    def _tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now
