"""A job that finds an idle worker and nothing waiting is given to it in the transaction that submits it."""

import asyncio

import pytest
from attrs import evolve
from hodei_application.jobs.submit_job import Submission, Submitted
from hodei_application.testing import ScriptedAgent, World
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.spec import JobSpec, Shell
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.scheduling.choose import WorkerStrategy

TRUE = JobSpec(command=Shell("true"))


async def idle_worker(world: World) -> ScriptedAgent:
    agent = await world.add_worker()
    await world.settle()
    return agent


async def test_an_idle_worker_is_given_the_job_with_the_commit_that_acknowledges_it(world: World) -> None:
    agent = await idle_worker(world)
    before = world.store.commits
    job = await world.submit()
    assert world.store.commits - before == 1
    assert [given.id for given in agent.jobs] == [job.id]
    assert (await world.job(job.id)).state is JobState.SCHEDULED
    assert await world.events(job.id) == ["JobCreated", "JobAssigned"]
    await agent.finish(agent.jobs[0])
    assert (await world.job(job.id)).state is JobState.SUCCEEDED


async def test_no_worker_is_given_two_jobs(world: World) -> None:
    agents = [await idle_worker(world) for _ in range(2)]
    answers = await world.control.submit_jobs([Submission(spec=TRUE) for _ in range(5)])
    await asyncio.gather(*(world.submit() for _ in range(5)))
    assert [len(agent.jobs) for agent in agents] == [1, 1]
    states = [a.job.state for a in answers if isinstance(a, Submitted)]
    assert states == [JobState.SCHEDULED] * 2 + [JobState.PENDING] * 3
    await world.settle()
    assert [len(agent.jobs) for agent in agents] == [1, 1]


async def test_what_waits_is_not_overtaken(world: World) -> None:
    waiting = await world.submit()
    agent = await world.add_worker()
    late = await world.submit()
    assert agent.jobs == []
    await world.settle()
    assert [job.id for job in agent.jobs] == [waiting.id]
    assert (await world.job(late.id)).state is JobState.PENDING


async def test_a_worker_that_is_not_idle_after_all_leaves_the_job_in_the_queue(world: World) -> None:
    agent = await idle_worker(world)
    await world.replica("two").drain_worker(agent.worker_id)
    job = await world.submit()
    assert agent.jobs == []
    assert (await world.job(job.id)).state is JobState.PENDING
    assert world.control.engine.connected.reserved == set()


async def test_when_the_commit_fails_the_worker_is_idle_again(world: World) -> None:
    agent = await idle_worker(world)
    world.store.fail_commits(1)
    with pytest.raises(StoreUnavailable):
        await world.submit()
    assert agent.jobs == []
    job = await world.submit()
    assert [given.id for given in agent.jobs] == [job.id]


async def test_a_worker_whose_stream_has_just_broken_gives_the_job_back(world: World) -> None:
    agent = await idle_worker(world)
    agent.link.breaks = True
    job = await world.submit()
    waiting = await world.job(job.id)
    assert (waiting.state, waiting.attempt) == (JobState.PENDING, 1)
    assert world.control.engine.connected.reserved == set()


async def test_with_another_strategy_the_dispatcher_compares(world: World) -> None:
    config = evolve(await world.control.scheduler_config(), worker_strategy=WorkerStrategy.MOST_CAPACITY)
    await world.control.configure_scheduler(config)
    agent = await idle_worker(world)
    await world.submit()
    assert agent.jobs == []
    await world.settle()
    assert len(agent.jobs) == 1


async def test_a_worker_that_does_not_suit_is_not_taken(world: World) -> None:
    agent = await idle_worker(world)
    job = await world.submit(image="alpine:3")
    assert agent.jobs == []
    assert (await world.job(job.id)).state is JobState.PENDING
