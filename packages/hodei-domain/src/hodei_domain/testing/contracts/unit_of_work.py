"""What a unit of work promises: all or nothing, and nothing seen before its end."""

import pytest

from hodei_domain.jobs.errors import JobNotFound
from hodei_domain.testing.contracts.base import Broken, StoreContract, break_off
from hodei_domain.testing.making import new_worker, submission, submitted
from hodei_domain.testing.stores import Begin, Stores


class UnitOfWorkContract(StoreContract):
    """Over a job and a worker, which live in different tables."""

    async def test_a_clean_exit_commits_all_stores(self, begin: Begin) -> None:
        job, worker = submission(), new_worker()
        async with begin() as tx:
            await tx.jobs.save([job])
            await tx.workers.save([worker])
        async with begin() as tx:
            assert await tx.jobs.get(job.after.id) == job.after
            assert (await tx.workers.get(worker.after.id)).id == worker.after.id

    async def test_an_exception_rolls_back_all_stores_and_leaves(self, begin: Begin) -> None:
        job, worker = submission(), new_worker()

        async def save(tx: Stores) -> None:
            await tx.jobs.save([job])
            await tx.workers.save([worker])

        with pytest.raises(Broken):
            await break_off(begin, save)
        async with begin() as tx:
            with pytest.raises(JobNotFound):
                await tx.jobs.get(job.after.id)
            assert await tx.workers.find([worker.after.id]) == {}
            assert await tx.audit.by_correlation(str(job.after.id)) == []
            assert await tx.queue.depth() == 0

    async def test_a_transaction_sees_its_own_writes(self, begin: Begin) -> None:
        change = submission()
        async with begin() as tx:
            await tx.jobs.save([change])
            assert await tx.jobs.get(change.after.id) == change.after
            assert [job.id for job in await tx.queue.claim([change.after.demand.key], 1)] == [change.after.id]

    async def test_units_of_work_follow_each_other(self, begin: Begin) -> None:
        first = await submitted(begin)
        second = await submitted(begin)
        async with begin() as tx:
            assert await tx.jobs.find([first.id, second.id]) == {first.id: first, second.id: second}
