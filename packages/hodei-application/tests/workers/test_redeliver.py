"""A job that was given to a worker by a commit of which nobody heard reaches the worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from hodei_application.jobs.submit_job import Submission
from hodei_application.testing import World
from hodei_application.workers.commands import RunAttempt
from hodei_application.workers.hello import Attempted
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.spec import JobSpec, Shell
from hodei_domain.kernel.errors import StoreUnavailable


class Deafened(World):
    """A world whose control plane hears nothing of its next commits when it is told to."""

    deaf = 0

    def replica(self, name: str, begin: Any = None) -> Any:
        return super().replica(name, begin or self._begin)

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[Any]:
        async with self.store.begin() as tx:
            yield tx
        if self.deaf:
            self.deaf -= 1
            raise StoreUnavailable("the answer got lost")


@pytest.fixture
def world() -> Deafened:
    return Deafened()


async def given_unheard(world: Deafened) -> Job:
    """A job that the store says a worker has, as nobody else knows."""
    world.deaf = 1
    with pytest.raises(StoreUnavailable):
        await world.control.submit_job(Submission(spec=JobSpec(command=Shell("true"))))
    (job,) = world.store.tables.jobs.rows.values()
    assert job.state is JobState.SCHEDULED
    return job


async def test_a_worker_is_told_of_a_job_that_it_was_given_unheard(world: Deafened) -> None:
    agent = await world.add_worker()
    job = await given_unheard(world)
    assert agent.jobs == []

    await world.pass_time(timedelta(seconds=1))

    assert [told.id for told in agent.jobs] == [job.id]


async def test_it_is_told_once_however_often_somebody_looks(world: Deafened) -> None:
    agent = await world.add_worker()
    await given_unheard(world)

    await world.pass_time(timedelta(seconds=60))

    assert len(agent.told(RunAttempt)) == 1


async def test_a_worker_that_came_with_its_job_is_not_told_of_it_again(world: Deafened) -> None:
    agent = await world.add_worker()
    job = await world.submit()
    await agent.disconnect()
    await agent.connect(running=(Attempted(job.id, 1, 0),))

    await world.pass_time(timedelta(seconds=30))

    assert agent.told(RunAttempt) == []


async def test_what_the_next_answer_brings_wakes_the_one_who_looks(world: Deafened) -> None:
    await world.add_worker()
    await given_unheard(world)

    await world.submit()  # the store answers again

    assert await world.control.engine.signals.wish.wait(timedelta(0))
