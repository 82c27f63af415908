"""What keeping and forgetting jobs that are over promises."""

from datetime import datetime
from typing import Any

from attrs import evolve

from hodei_domain.jobs.history import Held, KeptOutput
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.views import JobFilter
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk, entries, public_sequence
from hodei_domain.logs.ports import LogEnd
from hodei_domain.testing.contracts.base import StoreContract
from hodei_domain.testing.contracts.logs import append, chunk_after, following, stored
from hodei_domain.testing.making import (
    MINUTE,
    SECOND,
    SUCCESS,
    T0,
    assigned,
    new_worker,
    new_worker_id,
    ready_worker,
    running,
    save_jobs,
    save_workers,
    submitted,
)
from hodei_domain.testing.stores import Begin
from hodei_domain.workers.otp import Otp

LATER = T0 + 100 * MINUTE


async def ended(begin: Begin, at: datetime = T0 + MINUTE, output: bytes = b"a\nb\n", **fields: Any) -> Job:
    """A job that ended at that instant, with some output."""
    job = await running(begin, **fields)
    if output:
        await append(begin, chunk_after(LogEnd(), job.id, output))
    [over] = await save_jobs(begin, job.finish(1, SUCCESS, at=at))
    return over


async def weigh(begin: Begin) -> None:
    """Note all output that there is."""
    place = None
    while True:
        async with begin() as tx:
            place = await tx.history.weigh(place, 2)
        if place is None:
            return


async def outputs(begin: Begin, before: datetime | None = None) -> list[KeptOutput]:
    """What is noted."""
    async with begin() as tx:
        return await tx.history.outputs(before, 10)


async def drop(begin: Begin, *jobs: JobId, limit: int = 100) -> int:
    """Delete output."""
    async with begin() as tx:
        return await tx.history.drop_output(jobs, limit)


class HistoryStoreContract(StoreContract):
    """HistoryStore."""

    async def test_output_is_noted_in_the_order_of_the_ends(self, begin: Begin) -> None:
        later = await ended(begin, T0 + 3 * MINUTE, b"four")
        first = await ended(begin, T0 + MINUTE, b"ab")
        await ended(begin, T0 + 2 * MINUTE, b"")
        live = await running(begin)
        await append(begin, chunk_after(LogEnd(), live.id, b"runs"))
        await weigh(begin)
        await weigh(begin)
        assert await outputs(begin) == [KeptOutput(first.id, 2), KeptOutput(later.id, 4)]
        assert await outputs(begin, T0 + 2 * MINUTE) == [KeptOutput(first.id, 2)]
        async with begin() as tx:
            assert await tx.history.output_bytes() == 6

    async def test_removed_output_leaves_a_mark_and_its_end(self, begin: Begin) -> None:
        job = await ended(begin, output=b"a\nb\nc\n")
        await weigh(begin)
        assert await drop(begin, job.id) == 1
        [mark] = await stored(begin, job.id)
        assert (mark.removed, mark.data, mark.gap_bytes, mark.next_sequence, mark.next_offset) == (
            True,
            b"",
            6,
            3,
            6,
        )
        [entry] = entries(mark)
        assert (entry.removed, entry.gap_bytes, entry.sequence) == (True, 6, public_sequence(1, 2))
        assert await stored(begin, job.id, since=entry.sequence) == []
        async with begin() as tx:
            assert await tx.logs.end(job.id, 1) == LogEnd(3, 6)
            assert await tx.logs.tail_start(job.id, 1) == 0
        assert await outputs(begin) == []
        assert await drop(begin, job.id) == 0

    async def test_removing_goes_from_the_beginning_in_steps_and_the_mark_moves(self, begin: Begin) -> None:
        job = await running(begin)
        first = chunk_after(LogEnd(), job.id, b"a\n")
        second = following(first, b"b\n")
        third = following(second, b"c\n")
        await append(begin, first, second, third)
        await save_jobs(begin, job.finish(1, SUCCESS, at=T0 + MINUTE))
        await weigh(begin)
        for gone, left in ((first, [second, third]), (second, [third])):
            assert await drop(begin, job.id, limit=1) == 1
            assert await stored(begin, job.id) == [LogChunk.mark_of(gone), *left]
            assert await outputs(begin) == [KeptOutput(job.id, 6)], "there is more"
        assert await append(begin, first) == [3], "a late repetition is still a duplicate"
        assert await drop(begin, job.id, limit=2) == 1
        assert await stored(begin, job.id) == [LogChunk.mark_of(third)]
        assert await outputs(begin) == []

    async def test_each_attempt_has_a_mark_of_its_own(self, begin: Begin) -> None:
        job = await assigned(begin)
        await append(begin, chunk_after(LogEnd(), job.id, b"one"))
        [job] = await save_jobs(begin, job.give_back(1, at=T0 + SECOND, why="x"))
        [job] = await save_jobs(begin, job.assign(new_worker_id(), at=T0 + SECOND))
        await append(begin, chunk_after(LogEnd(), job.id, b"two!", attempt=2))
        await save_jobs(begin, job.finish(2, SUCCESS, at=T0 + MINUTE))
        assert await drop(begin, job.id) == 2
        assert [(c.attempt, c.removed, c.gap_bytes) for c in await stored(begin, job.id)] == [
            (1, True, 3),
            (2, True, 4),
        ]

    async def test_the_output_of_a_live_job_stays_however_old_its_lines_are(self, begin: Begin) -> None:
        job = await running(begin)
        old = evolve(chunk_after(LogEnd(), job.id, b"old\n"), base_time_us=0)
        await append(begin, old)
        await weigh(begin)
        assert await outputs(begin, LATER) == []
        assert await drop(begin, job.id) == 0
        assert await stored(begin, job.id) == [old]

    async def test_forgotten_jobs_leave_nothing(self, begin: Begin) -> None:
        job = await ended(begin, labels={"team": "red"}, tags=("nightly",))
        kept = await ended(begin, T0 + 5 * MINUTE, labels={"team": "red"})
        live = await submitted(begin)
        await weigh(begin)
        async with begin() as tx:
            assert await tx.history.ended(T0 + 2 * MINUTE, 10) == [job.id]
            assert await tx.history.ended(None, 10) == [job.id, kept.id]
            assert await tx.history.ended(None, 1) == [job.id]
            assert await tx.history.forget([job.id, live.id]) == 1
        async with begin() as tx:
            assert set(await tx.jobs.find([job.id, kept.id, live.id])) == {kept.id, live.id}
            assert await tx.job_views.attempts(job.id) == []
            assert await tx.logs.read(job.id, 0, 10) == []
            page = await tx.job_views.list_jobs(JobFilter(labels={"team": "red"}))
            assert [each.id for each in page.jobs] == [kept.id]
        assert await outputs(begin) == [KeptOutput(kept.id, 4)]

    async def test_what_there_is_of_the_past_is_counted(self, begin: Begin) -> None:
        await ended(begin, T0 + MINUTE)
        await ended(begin, T0 + 3 * MINUTE)
        await running(begin)
        await weigh(begin)
        gone = (
            ready_worker().then(lambda w: w.terminate(at=T0, why="x")).then(lambda w: w.ended(at=T0, why="x"))
        )
        await save_workers(begin, gone)
        async with begin() as tx:
            assert await tx.history.held() == Held(jobs=2, workers=1, output_bytes=8)
            assert await tx.history.held(T0 + 2 * MINUTE) == Held(jobs=1, workers=1, output_bytes=4)

    async def test_workers_that_went_long_ago_are_forgotten(self, begin: Begin) -> None:
        gone = (
            ready_worker().then(lambda w: w.terminate(at=T0, why="x")).then(lambda w: w.ended(at=T0, why="x"))
        )
        here = ready_worker()
        await save_workers(begin, gone, here)
        async with begin() as tx:
            assert await tx.history.forget_workers(T0 - MINUTE, 10) == 0
            assert await tx.history.forget_workers(T0 + MINUTE, 10) == 1
        async with begin() as tx:
            assert set(await tx.workers.find([gone.after.id, here.after.id])) == {here.after.id}

    async def test_passwords_that_ran_out_go_unless_their_worker_is_here(self, begin: Begin) -> None:
        worker = new_worker()
        await save_workers(begin, worker)
        nobody = new_worker_id()
        async with begin() as tx:
            for id, until in ((worker.after.id, T0), (nobody, T0), (new_worker_id(), LATER)):
                await tx.otps.put(Otp(worker_id=id, provider_id=None, digest=b"d" * 32, expires_at=until))
        async with begin() as tx:
            assert await tx.history.forget_passwords(T0 + MINUTE, 10) == 1

    async def test_demand_classes_that_nobody_waits_for_go(self, begin: Begin) -> None:
        waits = await submitted(begin, image="waits")
        over = await submitted(begin, image="over")
        await save_jobs(begin, over.cancel(at=T0 + SECOND))
        async with begin() as tx:
            now = await tx.leases.clock()
            assert await tx.history.forget_classes(now - MINUTE, 10) == 0
            assert await tx.history.forget_classes(now + MINUTE, 10) == 1
        async with begin() as tx:
            assert [entry.demand.key for entry in await tx.queue.waiting(5)] == [waits.demand.key]
