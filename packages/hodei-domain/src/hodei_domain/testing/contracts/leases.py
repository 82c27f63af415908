"""What leases promise."""

from datetime import timedelta

from hodei_domain.jobs.views import LostAttempt
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.testing.contracts.base import StoreContract
from hodei_domain.testing.making import (
    MINUTE,
    SUCCESS,
    T0,
    assigned,
    new_worker_id,
    running,
    save_jobs,
    submitted,
)
from hodei_domain.testing.stores import Begin

AT_ONCE = timedelta(0)


async def renew(begin: Begin, *workers: WorkerId, duration: timedelta) -> int:
    """Renew in a transaction of its own."""
    async with begin() as tx:
        return await tx.leases.renew(workers, duration)


async def expired(begin: Begin, limit: int = 100) -> list[LostAttempt]:
    """What has run out, as a later transaction sees it."""
    async with begin() as tx:
        return await tx.leases.expired(limit)


class LeaseStoreContract(StoreContract):
    """LeaseStore. The store's own duration for new attempts must be some seconds at least."""

    async def test_a_new_attempt_has_a_lease(self, begin: Begin) -> None:
        worker = new_worker_id()
        job = await assigned(begin, worker)
        assert await expired(begin) == []
        assert await renew(begin, worker, duration=AT_ONCE) == 1
        assert await expired(begin) == [LostAttempt(job_id=job.id, attempt=1, worker_id=worker)]

    async def test_its_clock_goes_on_within_a_transaction(self, begin: Begin) -> None:
        async with begin() as tx:
            first = await tx.leases.clock()
            assert first.utcoffset() == timedelta(0)
            assert first <= await tx.leases.clock()

    async def test_a_lease_is_renewed_for_its_worker_only(self, begin: Begin) -> None:
        ours, theirs = new_worker_id(), new_worker_id()
        job = await running(begin, ours)
        await running(begin, theirs)
        await renew(begin, ours, theirs, duration=AT_ONCE)
        assert await renew(begin, theirs, new_worker_id(), duration=MINUTE) == 1
        assert [lost.job_id for lost in await expired(begin)] == [job.id]

    async def test_a_worker_that_gives_a_sign_in_time_keeps_its_job(self, begin: Begin) -> None:
        worker = new_worker_id()
        await running(begin, worker)
        await renew(begin, worker, duration=AT_ONCE)
        await renew(begin, worker, duration=MINUTE)
        assert await expired(begin) == []

    async def test_a_move_of_the_job_leaves_the_lease_as_it_is(self, begin: Begin) -> None:
        worker = new_worker_id()
        job = await assigned(begin, worker)
        await renew(begin, worker, duration=AT_ONCE)
        await save_jobs(begin, job.start(1, at=T0 + MINUTE))
        assert [lost.job_id for lost in await expired(begin)] == [job.id]

    async def test_an_ended_attempt_has_no_lease_and_gets_none(self, begin: Begin) -> None:
        first, second = new_worker_id(), new_worker_id()
        done, lost = await running(begin, first), await running(begin, second)
        await renew(begin, first, second, duration=AT_ONCE)
        await save_jobs(begin, done.finish(1, SUCCESS, at=T0), lost.lose(1, at=T0, why="silent"))
        assert await expired(begin) == []
        assert await renew(begin, first, second, duration=AT_ONCE) == 0
        assert await expired(begin) == []

    async def test_the_next_attempt_has_a_lease_of_its_own(self, begin: Begin) -> None:
        first, second = new_worker_id(), new_worker_id()
        job = await running(begin, first)
        await renew(begin, first, duration=AT_ONCE)
        [job] = await save_jobs(begin, job.lose(1, at=T0, why="silent"))
        await save_jobs(begin, job.assign(second, at=T0))
        assert await expired(begin) == []
        assert await renew(begin, first, duration=AT_ONCE) == 0
        assert await renew(begin, second, duration=AT_ONCE) == 1
        assert await expired(begin) == [LostAttempt(job_id=job.id, attempt=2, worker_id=second)]

    async def test_no_more_than_the_limit_is_told(self, begin: Begin) -> None:
        workers = [new_worker_id() for _ in range(3)]  # a worker holds one attempt at a time
        for worker in workers:
            await assigned(begin, worker)
        await submitted(begin)
        await renew(begin, *workers, duration=AT_ONCE)
        assert len(await expired(begin, 2)) == 2
        assert await renew(begin, duration=AT_ONCE) == 0
