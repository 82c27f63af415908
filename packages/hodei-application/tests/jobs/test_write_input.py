"""A live input on its way through the server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hodei_application.jobs.assign_job import WorkerNotHere
from hodei_application.jobs.retry_job import InputGone
from hodei_application.jobs.write_input import LARGEST_PIECE, InputState, NoLiveInput
from hodei_application.testing.agent import ScriptedAgent
from hodei_application.testing.world import World
from hodei_application.workers.commands import SendInput
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.spec import JobSpec, Shell
from hodei_domain.kernel.errors import InvalidInput


def write(world: World, job: Job, **fields: Any) -> asyncio.Task[InputState]:
    piece = {"attempt": 1, "offset": 0, "data": b"abc", "end": False} | fields
    return asyncio.create_task(world.control.write_input(job.id, **piece))


async def sent(agent: ScriptedAgent) -> SendInput:
    """The newest piece that the agent was sent."""
    async with asyncio.timeout(10):
        while not agent.told(SendInput):  # noqa: ASYNC110  (a scripted link wakes nobody)
            await asyncio.sleep(0)
    return agent.told(SendInput)[-1]


async def test_a_piece_reaches_the_worker_and_its_answer_the_sender(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, live_input=True)
    writing = write(world, job, offset=7, end=True)
    assert await sent(agent) == SendInput(job.id, 1, 7, b"abc", True)
    world.control.input_acks(agent.link, job.id, InputState(2, 99, closed=True))  # of another attempt
    world.control.input_acks(agent.link, job.id, InputState(1, 10, closed=True))
    assert await writing == InputState(1, 10, closed=True)


async def test_what_another_worker_says_of_the_job_is_not_believed(world: World) -> None:
    agent, stranger = await world.add_worker(), await world.add_worker()
    job = await world.running(agent, live_input=True)
    writing = write(world, job)
    await sent(agent)
    world.control.input_acks(stranger.link, job.id, InputState(1, 3, closed=True))
    world.control.input_acks(agent.link, job.id, InputState(1, 3))
    assert await writing == InputState(1, 3)


async def test_another_attempt_than_the_sender_knows_is_named_and_sent_nothing(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, live_input=True)
    assert await write(world, job, attempt=0) == InputState(1, 0)
    assert agent.told(SendInput) == []


async def test_a_job_that_is_over_takes_nothing(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, live_input=True)
    await agent.finish(job)
    assert await write(world, job, offset=5) == InputState(1, 5, closed=True)


async def test_the_sender_waits_until_the_job_runs(world: World) -> None:
    job = await world.submit(live_input=True)
    writing = write(world, job, attempt=0)
    agent = await world.add_worker()
    await world.settle()
    await agent.start(agent.jobs[-1])
    assert await writing == InputState(1)


async def test_a_worker_of_another_replica_is_told_of(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, live_input=True)
    await agent.disconnect()
    with pytest.raises(WorkerNotHere):
        await write(world, job)


async def test_a_job_without_a_live_input_and_a_piece_too_large_are_refused(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    with pytest.raises(NoLiveInput):
        await write(world, job)
    with pytest.raises(InvalidInput, match="data"):
        await write(world, job, data=bytes(LARGEST_PIECE + 1))


async def test_a_job_whose_input_is_gone_does_not_run_again(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, live_input=True)
    await agent.finish(job)
    with pytest.raises(InputGone):
        await world.control.retry_job(job.id)


def test_an_input_is_live_or_stored() -> None:
    with pytest.raises(InvalidInput, match="stdin"):
        JobSpec(command=Shell("cat"), live_input=True, stdin="text")
