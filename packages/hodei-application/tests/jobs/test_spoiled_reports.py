"""Reports that can never be recorded."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hodei_application.jobs import spoiled_reports
from hodei_application.jobs.ledger import Arrival
from hodei_application.jobs.report_attempt import RecordReports
from hodei_application.jobs.reports import LogsArrived
from hodei_application.testing import ScriptedAgent, World
from hodei_application.workers.commands import LogAck, StopAttempt
from hodei_application.workers.hello import Attempted
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.result import Reason
from hodei_domain.jobs.spec import RetryRules
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.workers.worker import WorkerState

POISON = b"poison\n"


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which lasts."""
    made: list[float] = []
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        made.append(seconds)
        await sleep(0)

    monkeypatch.setattr(spoiled_reports.asyncio, "sleep", pause)
    return made


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A store that refuses some output for good; how often it was asked is the list's length."""
    asked: list[int] = []
    record = RecordReports._record

    async def refuse(self: Any, arrivals: Sequence[Arrival], *, fresh: bool) -> Any:
        reports = [arrival.report for arrival in arrivals]
        if any(isinstance(report, LogsArrived) and report.chunk.data == POISON for report in reports):
            asked.append(1)
            raise ValueError("invalid byte sequence")
        return await record(self, arrivals, fresh=fresh)

    monkeypatch.setattr(RecordReports, "_record", refuse)
    return asked


async def bring_again(world: World, agent: ScriptedAgent, job: Job) -> None:
    """Come back over a new stream and say the bad thing again."""
    agent._logged.clear()
    await agent.connect(running=(Attempted(job.id, 1),))
    await agent.write(job, POISON)
    await world.control.engine.deeds.settled()


async def test_it_is_tried_again_ever_more_seldom_and_then_given_up(
    world: World, poisoned: list[int], pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    with caplog.at_level(logging.ERROR, "hodei.intake"):
        for _ in range(5):
            await bring_again(world, agent, job)
    assert pauses == [1.0, 2.0, 4.0, 8.0]
    assert len(poisoned) == 5
    first, last = caplog.records
    assert first.exc_info is not None, "one trace"
    assert last.getMessage().startswith(f"A report about job {job.id}, attempt 1, is given up after 5 tries")
    assert last.getMessage().endswith("ValueError: invalid byte sequence")
    ended = await world.job(job.id)
    assert ended.state is JobState.FAILED
    assert ended.result is not None
    assert ended.result.reason == Reason.UNRECORDED
    assert "cannot be recorded: ValueError" in ended.result.message
    assert StopAttempt(job.id, 1, "its reports cannot be recorded") in agent.told(StopAttempt)
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY


async def test_the_retry_rules_of_the_job_count(world: World, poisoned: list[int]) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, retry=RetryRules(max_attempts=2))
    for _ in range(5):
        await bring_again(world, agent, job)
    assert (await world.job(job.id)).state is JobState.PENDING


async def test_while_it_rests_the_stream_stays_and_what_follows_is_passed_over(
    world: World, poisoned: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()

    async def wait(_: float) -> None:
        await gate.wait()

    monkeypatch.setattr(spoiled_reports.asyncio, "sleep", wait)
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.write(job, POISON)
    await agent.write(job, b"more\n")
    assert agent.link.closed is None, "the hole is no reason to begin anew at once"
    assert agent.told(LogAck) == []
    assert len(poisoned) == 1
    gate.set()
    await world.control.engine.deeds.settled()
    assert agent.link.closed == "a report could not be recorded: say it again"


async def test_another_job_of_the_same_worker_is_recorded_meanwhile(
    world: World, poisoned: list[int]
) -> None:
    agent, other = await world.add_worker(), await world.add_worker()
    job = await world.submit()
    good = await world.submit()
    await world.settle()
    for each in (agent, other):
        await each.start(each.jobs[-1])
    bad_agent = next(a for a in (agent, other) if a.jobs[-1].id == job.id)
    good_agent = other if bad_agent is agent else agent
    await world.control.report_attempt(bad_agent.link, LogsArrived(bad_agent.chunk(job, POISON)))
    await good_agent.write(good_agent.jobs[-1], b"fine\n")
    assert len(good_agent.told(LogAck)) == 1
    assert good_agent.jobs[-1].id == good.id
    await world.control.engine.deeds.settled()


async def test_one_failure_long_after_another_is_another_story(
    world: World, poisoned: list[int], pauses: list[float]
) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    for _ in range(3):
        await bring_again(world, agent, job)
        world.clock.advance(timedelta(seconds=2 * spoiled_reports.FORGOTTEN_AFTER))
    assert pauses == [1.0, 1.0, 1.0]


async def test_what_cannot_be_read_is_treated_alike(world: World, pauses: list[float]) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    for _ in range(5):
        await agent.connect(running=(Attempted(job.id, 1),))
        world.control.report_attempt.refused(agent.link, job.id, 1, InvalidInput("no", field="runs"))
        await world.control.engine.deeds.settled()
    assert pauses == [1.0, 2.0, 4.0, 8.0]
    assert (await world.job(job.id)).state is JobState.FAILED


async def test_an_attempt_that_is_over_is_only_dropped(world: World, poisoned: list[int]) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await world.control.complete_job(f"{job.id}/1", exit_code=0)
    for _ in range(5):
        await bring_again(world, agent, job)
    assert (await world.job(job.id)).state is JobState.SUCCEEDED
