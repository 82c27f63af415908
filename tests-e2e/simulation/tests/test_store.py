"""Transactions of the simulated store see and lock what those of Postgres would."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hodei_domain.jobs.errors import JobChangedMeanwhile
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.testing.fakes.sources import START
from hodei_domain.testing.making import new_job_id, new_worker_id, submission
from simulation.history import History
from simulation.loop import new_loop
from simulation.store import SimStore

Work = Callable[[SimStore], Awaitable[Any]]


def run(work: Work) -> Any:
    loop = new_loop(Random(1))
    store = SimStore(Random(1), History(loop.time), lambda: START, timedelta(seconds=45))

    async def main() -> Any:
        return await work(store)

    try:
        return loop.run(main())
    finally:
        loop.wind_up()


async def save(store: SimStore, *changes: Change[Job]) -> None:
    async with store.begin() as tx:
        await tx.jobs.save(changes)


async def in_store(store: SimStore, change: Change[Job]) -> bool:
    async with store.begin() as tx:
        return bool(await tx.jobs.find([change.after.id]))


def test_nothing_is_seen_before_the_commit() -> None:
    change = submission()

    async def work(store: SimStore) -> tuple[bool, bool]:
        async with store.begin() as tx:
            await tx.jobs.save([change])
            seen = await in_store(store, change)
        return seen, await in_store(store, change)

    assert run(work) == (False, True)


def test_what_raises_is_rolled_back() -> None:
    change = submission()

    async def work(store: SimStore) -> bool:
        with suppress(ZeroDivisionError):
            async with store.begin() as tx:
                await tx.jobs.save([change])
                raise ZeroDivisionError
        return await in_store(store, change)

    assert run(work) is False


def test_who_waits_for_a_row_finds_it_changed() -> None:
    change = submission()

    async def work(store: SimStore) -> None:
        await save(store, change)
        async with store.begin() as first:
            await first.jobs.lock([change.after.id])
            second = asyncio.ensure_future(save(store, change.after.cancel(at=START)))
            await asyncio.sleep(1)
            assert not second.done()
            await first.jobs.save([change.after.assign(new_worker_id(), at=START)])
        with pytest.raises(JobChangedMeanwhile):
            await second

    run(work)


def test_a_claim_passes_over_what_another_has_locked() -> None:
    one, two = submission(turn=1), submission(turn=2)

    async def work(store: SimStore) -> list[Any]:
        await save(store, one, two)
        key = one.after.demand.key
        async with store.begin() as first, store.begin() as second:
            await first.queue.claim([key], 1)
            return [job.id for job in await second.queue.claim([key], 5)]

    assert run(work) == [two.after.id]


def test_two_that_wait_for_each_other_are_found_out() -> None:
    one, two = submission(), submission()

    async def work(store: SimStore) -> list[str]:
        await save(store, one, two)

        async def both(first: Change[Job], second: Change[Job]) -> None:
            async with store.begin() as tx:
                await tx.jobs.lock([first.after.id])
                await asyncio.sleep(1)
                await tx.jobs.lock([second.after.id])

        await asyncio.gather(both(one, two), both(two, one), return_exceptions=True)
        return store.history.problems

    assert "deadlock" in run(work)[0]


def test_a_commit_whose_answer_is_lost_is_a_commit() -> None:
    change = submission(id=new_job_id())

    async def work(store: SimStore) -> bool:
        store.lose_rate = 1.0
        with pytest.raises(StoreUnavailable):
            await save(store, change)
        store.lose_rate = 0.0
        return await in_store(store, change)

    assert run(work) is True


def test_the_locks_of_a_dead_node_are_free() -> None:
    change = submission()

    async def work(store: SimStore) -> bool:
        await save(store, change)
        loop: Any = asyncio.get_running_loop()
        node = loop.node("victim")

        async def hold() -> None:
            async with store.begin() as tx:
                await tx.jobs.lock([change.after.id])
                await asyncio.sleep(1000)

        node.start(hold(), "hold")
        await asyncio.sleep(1)
        node.kill()
        store.forget(node)
        await save(store, change.after.cancel(at=START))
        return True

    assert run(work)
