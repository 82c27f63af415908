"""What a queue promises: order, no job twice, nothing before it is due."""

from collections.abc import Sequence
from datetime import timedelta

from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import OnWorkerLost, Priority, PullPolicy, Resources, RetryRules
from hodei_domain.kernel.demand import ANY
from hodei_domain.testing.contracts.base import StoreContract, outcomes
from hodei_domain.testing.making import (
    FAILURE,
    MINUTE,
    SECOND,
    T0,
    new_worker_id,
    running,
    save_jobs,
    submission,
    submitted,
)
from hodei_domain.testing.stores import Begin

LATER = RetryRules(max_attempts=2, initial=timedelta(days=1), maximum=timedelta(days=2), jitter=0)
AT_ONCE = RetryRules(max_attempts=2, initial=timedelta(seconds=1), jitter=0)
BIG = Resources(memory_mib=4096)


async def claim(begin: Begin, limit: int = 100, classes: Sequence[str] = (ANY.key,)) -> list[Job]:
    """What a claim returns that changes nothing."""
    async with begin() as tx:
        return await tx.queue.claim(classes, limit)


class JobQueueContract(StoreContract):
    """JobQueue."""

    async def test_claims_go_by_priority_then_turn_then_id(self, begin: Begin) -> None:
        changes = [
            submission(name="4", turn=2),
            submission(name="3", turn=1),
            submission(name="5", priority=Priority.LOW, turn=0),
            submission(name="2", priority=Priority.HIGH, turn=9),
            submission(name="1", priority=Priority.CRITICAL, turn=9),
        ]
        twins = sorted(
            (submission(name="6", priority=Priority.LOW, turn=3) for _ in range(2)), key=lambda c: c.after.id
        )
        await save_jobs(begin, *changes, *reversed(twins))
        claimed = await claim(begin)
        assert [job.spec.name for job in claimed] == ["1", "2", "3", "4", "5", "6", "6"]
        assert [job.id for job in claimed[-2:]] == [change.after.id for change in twins]

    async def test_a_claim_returns_the_jobs_as_they_were_saved(self, begin: Begin) -> None:
        job = await submitted(begin, name="x", environment={"A": "1"})
        assert await claim(begin) == [job]

    async def test_a_claim_stops_at_its_limit(self, begin: Begin) -> None:
        await save_jobs(begin, *(submission(turn=number) for number in range(5)))
        assert [job.turn for job in await claim(begin, 2)] == [0, 1]
        assert await claim(begin, 0) == []

    async def test_a_claim_takes_only_the_classes_asked_for(self, begin: Begin) -> None:
        small, big = await submitted(begin), await submitted(begin, resources=BIG)
        assert await claim(begin, classes=[big.demand.key]) == [big]
        assert {job.id for job in await claim(begin, classes=[big.demand.key, ANY.key])} == {small.id, big.id}
        assert await claim(begin, classes=[]) == []

    async def test_racing_claims_never_return_the_same_job(self, begin: Begin) -> None:
        await save_jobs(begin, *(submission(turn=number) for number in range(30)))

        async def take() -> list[Job]:
            async with begin() as tx:
                jobs = await tx.queue.claim([ANY.key], 4)
                await tx.jobs.save([job.assign(new_worker_id(), at=T0) for job in jobs])
            return jobs

        taken: list[Job] = []
        for _ in range(20):  # a claim may find its jobs locked and come back with fewer
            found = await outcomes(*(take() for _ in range(4)))
            assert not [outcome for outcome in found if isinstance(outcome, BaseException)]
            taken += [job for jobs in found if isinstance(jobs, list) for job in jobs]
        assert len(taken) == len({job.id for job in taken}) == 30

    async def test_a_job_leaves_the_queue_when_its_assignment_is_saved(self, begin: Begin) -> None:
        job = await submitted(begin)
        assert await claim(begin) == [job]
        assert await claim(begin) == [job], "a claim alone takes nothing"
        await save_jobs(begin, job.assign(new_worker_id(), at=T0))
        assert await claim(begin) == []

    async def test_a_cancelled_job_is_not_in_the_queue(self, begin: Begin) -> None:
        job = await submitted(begin)
        await save_jobs(begin, job.cancel(at=T0))
        assert await claim(begin) == []
        assert await self.depth(begin) == 0

    async def test_a_job_that_is_not_due_is_not_claimed(self, begin: Begin) -> None:
        job = await running(begin, retry=LATER)
        [job] = await save_jobs(begin, job.finish(1, FAILURE, at=T0))
        assert await claim(begin) == []
        assert await self.depth(begin) == 1
        async with begin() as tx:
            assert await tx.queue.waiting(10) == []

    async def test_a_job_that_is_due_again_is_claimed(self, begin: Begin) -> None:
        job = await running(begin, retry=AT_ONCE)
        [job] = await save_jobs(begin, job.finish(1, FAILURE, at=T0))
        assert await claim(begin) == [job]

    async def test_a_held_job_waits_for_its_release(self, begin: Begin) -> None:
        job = await running(begin, on_worker_lost=OnWorkerLost.HOLD)
        [held] = await save_jobs(begin, job.lose(1, at=T0, why="gone"))
        assert await claim(begin) == []
        assert await self.depth(begin) == 0
        [free] = await save_jobs(begin, held.release(at=T0))
        assert await claim(begin) == [free]

    async def test_a_job_that_was_given_up_is_not_in_the_queue(self, begin: Begin) -> None:
        job = await submitted(begin)
        await save_jobs(
            begin, job.give_up(JobResult(reason=Reason.IMAGE_PULL, message="no such image"), at=T0)
        )
        assert await claim(begin) == []

    async def test_waiting_counts_by_class_the_longest_wait_first(self, begin: Begin) -> None:
        first = await submitted(begin, resources=BIG, at=T0)
        await save_jobs(begin, *(submission(at=T0 + MINUTE) for _ in range(5)))
        async with begin() as tx:
            waiting = await tx.queue.waiting(3)
        assert [(w.demand, w.count) for w in waiting] == [(first.demand, 1), (ANY, 3)]
        assert [w.oldest for w in waiting] == [T0, T0 + MINUTE]

    async def test_the_pull_policy_makes_a_class_of_its_own_and_comes_back(self, begin: Begin) -> None:
        usual, anew = submission(image="a:1"), submission(image="a:1", pull=PullPolicy.ALWAYS)
        await save_jobs(begin, usual, anew)
        async with begin() as tx:
            waiting = await tx.queue.waiting(10)
        assert {entry.demand for entry in waiting} == {usual.after.demand, anew.after.demand}
        assert await claim(begin, classes=[anew.after.demand.key]) == [anew.after]

    async def test_the_foremost_are_seen_in_the_order_of_claims(self, begin: Begin) -> None:
        changes = [submission(turn=2), submission(turn=1), submission(priority=Priority.HIGH, turn=9)]
        await save_jobs(begin, *changes, submission(resources=BIG, turn=0))
        async with begin() as tx:
            assert await tx.queue.foremost([], 5) == []
            seen = await tx.queue.foremost([ANY.key], 2)
        assert seen == [changes[2].after.id, changes[1].after.id]
        assert len(await claim(begin)) == 3

    async def test_the_turns_that_wait_are_told(self, begin: Begin) -> None:
        await save_jobs(
            begin,
            submission(queued_by="ana", turn=3),
            submission(queued_by="ana", turn=5),
            submission(queued_by="bo", turn=4),
            submission(queued_by="bo", turn=8, priority=Priority.HIGH),
        )
        async with begin() as tx:
            assert await tx.queue.lowest_turns() == {Priority.NORMAL: 3, Priority.HIGH: 8}
            assert await tx.queue.last_turns(["ana", "bo", "cy"]) == {
                ("ana", Priority.NORMAL): 5,
                ("bo", Priority.NORMAL): 4,
                ("bo", Priority.HIGH): 8,
            }
            assert await tx.queue.last_turns([]) == {}

    async def test_a_long_wait_raises_a_job_by_one_level_at_a_time(self, begin: Begin) -> None:
        old = await submitted(begin, name="old", priority=Priority.LOW, at=T0)
        await submitted(begin, name="new", priority=Priority.NORMAL, turn=5, at=T0 + 20 * MINUTE)
        async with begin() as tx:
            assert await tx.queue.promote(10 * MINUTE, T0 + 15 * MINUTE) == 1
            assert await tx.queue.promote(10 * MINUTE, T0 + 15 * MINUTE + SECOND) == 0
        claimed = await claim(begin)
        assert [job.spec.name for job in claimed] == ["old", "new"]
        assert claimed[0] == old, "only the place in the queue changes"

    async def test_nothing_rises_above_critical(self, begin: Begin) -> None:
        await submitted(begin, priority=Priority.CRITICAL)
        async with begin() as tx:
            assert await tx.queue.promote(MINUTE, T0 + 30 * MINUTE) == 0

    async def depth(self, begin: Begin) -> int:
        """How many jobs the store counts in its queue."""
        async with begin() as tx:
            return await tx.queue.depth()
