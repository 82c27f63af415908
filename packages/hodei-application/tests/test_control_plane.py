"""Starting, running and stopping, with the loops going by themselves."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hodei_application.control_plane import Policy
from hodei_application.jobs.reports import LogsArrived
from hodei_application.testing import ScriptedAgent, World
from hodei_application.workers.commands import ResultAck
from hodei_application.workers.hello import Attempted
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.kernel.errors import StoreTakesNoWrites, StoreUnavailable
from hodei_domain.workers.worker import WorkerState


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world whose loops can run by themselves."""
    world = World(time_runs=True)
    yield world
    await world.control.stop()


async def given(agent: ScriptedAgent) -> Job:
    """The next job that the running loops give to the agent."""
    while not agent.jobs:  # noqa: ASYNC110  (one turn of the loop at a time)
        await asyncio.sleep(0)
    return agent.jobs[-1]


async def test_a_running_control_plane_serves_by_itself(world: World) -> None:
    await world.add_provider()
    await world.control.start()
    assert world.control.is_live()
    assert world.control.is_ready()
    job = await world.submit()
    while not world.agents:  # noqa: ASYNC110  (one turn of the loop at a time)
        await asyncio.sleep(0)
    [agent] = world.agents.values()
    await agent.finish(await given(agent))
    assert (await world.job(job.id)).state is JobState.SUCCEEDED


async def test_a_stop_ends_streams_and_loops_but_no_job(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await world.control.start()
    await world.control.stop()
    assert agent.link.closed == "the server is going down"
    assert world.control.is_live() is False
    assert (await world.job(job.id)).state is JobState.RUNNING
    world.clock.advance(timedelta(seconds=40))
    world.control = world.replica("after")
    agent.control = world.control
    await agent.connect(running=(Attempted(job.id, 1),))
    await agent.finish(job)
    assert (await world.job(job.id)).state is JobState.SUCCEEDED


async def test_what_came_in_before_the_stop_is_written(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await world.control.report_attempt(agent.link, LogsArrived(agent.chunk(job, b"last words\n")))
    await world.control.report_attempt(agent.link, agent.end(job))
    await world.control.stop()
    assert (await world.job(job.id)).state is JobState.SUCCEEDED
    assert len(agent.told(ResultAck)) == 1


async def test_a_stop_does_not_wait_for_a_store_that_is_away(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    world.store.fail_commits(1000)
    await world.control.report_attempt(agent.link, agent.end(job))
    await world.control.stop(drain=timedelta(milliseconds=10))
    assert agent.told(ResultAck) == []


@pytest.mark.parametrize(
    ("failure", "drain", "why"),
    [
        (StoreTakesNoWrites("the database takes no writes"), timedelta(seconds=1), "takes no writes"),
        (None, timedelta(0), "there was no time for it within 0 s"),
    ],
)
async def test_a_stop_says_what_it_could_not_write_and_why(
    world: World,
    caplog: pytest.LogCaptureFixture,
    failure: StoreTakesNoWrites | None,
    drain: timedelta,
    why: str,
) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    world.store.fail_commits(1000 if failure else 0, failure)
    await world.control.report_attempt(agent.link, agent.end(job))
    await world.control.stop(drain=drain)
    [told] = [r.getMessage() for r in caplog.records if r.getMessage().startswith("Going down")]
    what, _, because = told.partition(" unwritten: ")
    assert what.endswith("reports of workers, which they bring again, and signs of life and metrics")
    assert why in because


async def test_it_does_not_start_without_its_store(world: World) -> None:
    world.store.fail_commits(1)
    with pytest.raises(StoreUnavailable):
        await world.control.start()
    assert world.control.is_live() is False


async def test_an_outage_of_the_store_is_survived_and_told_of_twice(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_application.scheduling.loop.SHORTEST_BACKOFF", timedelta(milliseconds=1))
    agent = await world.add_worker()
    await world.control.start()
    caplog.set_level(logging.WARNING, "hodei.loops")
    world.store.fail_commits(1_000_000)
    world.control.engine.signals.work()
    world.control.hinted("work")
    while not caplog.records:  # noqa: ASYNC110  (one turn of the loop at a time)
        await asyncio.sleep(0)
    assert world.control.is_ready() is False
    assert world.control.is_live() is True
    world.store.fail_commits(0)
    while world.control.engine.outage.present:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    await world.submit()
    await given(agent)
    texts = [record.getMessage() for record in caplog.records]
    assert len(texts) == 2
    assert "does not answer" in texts[0]
    assert "answers again" in texts[1]


async def test_all_workers_are_destroyed_when_a_private_server_ends(world: World) -> None:
    await world.add_provider()
    jobs = [await world.submit() for _ in range(3)]
    await world.settle()
    await world.control.start()
    await world.control.destroy_workers(busy=True)
    assert world.provider.made == {}
    assert await world.live() == []
    assert {(await world.job(job.id)).state for job in jobs} == {JobState.PENDING}
    world.control.engine.signals.room()
    world.control.engine.leader._may_run_at = 0.0  # a round is due
    await world.control.engine.leader.step()
    assert await world.live() == []  # nobody makes new ones for what waits now


async def test_a_server_that_stops_takes_its_idle_workers_along_and_leaves_those_with_jobs(
    world: World,
) -> None:
    busy = await world.add_worker()
    job = await world.running(busy)
    await world.add_worker()
    await world.control.destroy_workers(busy=False)
    assert [(worker.id, worker.job_id) for worker in await world.live()] == [(busy.worker_id, job.id)]


async def test_a_provider_that_does_not_answer_does_not_hold_up_the_end_for_ever(world: World) -> None:
    await world.add_provider()
    await world.submit()
    await world.settle()
    world.provider.outage = "away"
    await world.control.destroy_workers(busy=True)
    [worker] = await world.live()
    assert worker.state is WorkerState.TERMINATING


async def test_hints_wake_whom_they_concern_and_unknown_ones_nobody(world: World) -> None:
    signals = world.control.engine.signals
    signals.wants_workers = signals.wants_cleanup = False
    world.control.hinted("demand")
    assert signals.wants_workers is True
    world.control.hinted("cleanup")
    assert signals.wants_cleanup is True
    world.control.hinted("work")
    assert signals.look_around is True
    world.control.hinted("from the future")


async def test_times_can_be_set() -> None:
    world = World(policy=Policy(heartbeat_interval=timedelta(seconds=1), lease=timedelta(seconds=9)))
    agent = await world.add_worker()
    welcome = await agent.connect()
    assert (welcome.heartbeat_interval, welcome.lease) == (timedelta(seconds=1), timedelta(seconds=9))
    await world.control.stop()
