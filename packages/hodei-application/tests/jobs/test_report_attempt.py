import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import evolve
from hodei_application.jobs.ledger import Arrival
from hodei_application.jobs.report_attempt import RecordReports
from hodei_application.jobs.reports import AttemptEnded, AttemptStarted, LogsArrived, ProgressMade
from hodei_application.testing import World
from hodei_application.workers.commands import Action, LogAck, ResultAck, StopAttempt
from hodei_application.workers.hello import Attempted
from hodei_domain.jobs.job import JobState, Progress
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import OnWorkerLost, RetryRules
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.workers.worker import WorkerState

FAILURE = JobResult(reason=Reason.EXIT, exit_code=1)


async def test_a_start_is_recorded_once(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    assert job.state is JobState.RUNNING
    assert job.current is not None
    assert (job.current.pid, job.current.limits) == (4242, "cgroup")
    await agent.start(agent.jobs[0])
    assert (await world.job(job.id)).version == job.version


async def test_output_is_acknowledged_after_it_is_stored(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.say(LogsArrived(agent.chunk(job, b"a\nb\n")), LogsArrived(agent.chunk(job, b"c\n")))
    assert agent.told(LogAck)[-1] == LogAck(job.id, 1, 3)
    async with world.store.begin() as tx:
        chunks = await tx.logs.read(job.id, 0, 10)
    assert b"".join(chunk.data for chunk in chunks) == b"a\nb\nc\n"


async def test_output_implies_the_start(world: World) -> None:
    agent = await world.add_worker(is_legacy=True)
    job = await world.submit()
    await world.settle()
    await agent.write(agent.jobs[0], b"hello\n")
    assert (await world.job(job.id)).state is JobState.RUNNING


async def test_a_result_that_comes_before_the_start_records_the_start_first(world: World) -> None:
    agent = await world.add_worker()
    job = await world.submit()
    await world.settle()
    await agent.finish(agent.jobs[0], FAILURE)
    ended = await world.job(job.id)
    assert ended.state is JobState.FAILED
    assert ended.started_at is not None
    assert (await world.events(job.id))[-2:] == ["JobStatusChanged", "JobStatusChanged"]


async def test_a_job_that_could_not_be_started_has_no_start(world: World) -> None:
    agent = await world.add_worker()
    job = await world.submit()
    await world.settle()
    given = agent.jobs[0]
    missing = JobResult(reason=Reason.COMMAND_NOT_FOUND, exit_code=127)
    await agent.say(AttemptEnded(given.id, given.attempt, missing, 0, started=False))
    ended = await world.job(job.id)
    assert (ended.state, ended.started_at) == (JobState.FAILED, None)


async def test_what_was_never_started_can_be_given_back(world: World) -> None:
    agent = await world.add_worker()
    job = await world.submit()
    await world.settle()
    given = agent.jobs[0]
    back = JobResult(reason=Reason.GIVEN_BACK, message="busy")
    await agent.say(AttemptEnded(given.id, given.attempt, back, 0, started=False))
    waiting = await world.job(job.id)
    assert (waiting.state, waiting.failures, waiting.losses) == (JobState.PENDING, 0, 0)
    assert waiting.not_before is not None
    assert agent.told(ResultAck)[-1].accepted is True


async def test_the_end_is_acknowledged_and_the_worker_is_free(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hodei.workers")
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.finish(job)
    assert agent.told(ResultAck) == [ResultAck(job.id, 1, True)]
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY
    assert any("released" in record.getMessage() for record in caplog.records)


async def test_stored_output_is_told_of_in_the_servers_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "hodei.logs")
    agent = await world.add_worker()
    job = await world.running(agent)
    for data in (b"a\nb\n", b"c\n", b"d\n"):
        await agent.write(job, data)
    told = [each for each in caplog.records if each.getMessage().startswith("Log appended")]
    assert told[0].getMessage() == f"Log appended: job {job.id}, attempt 1, 2 lines"
    # Everybody is told that output comes, and who looks closely of each batch.
    assert [each.levelno for each in told] == [logging.INFO, logging.DEBUG, logging.DEBUG]


async def test_output_and_end_in_one_batch_share_a_commit_and_the_end_answers_for_both(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    before = world.store.commits
    for report in (LogsArrived(agent.chunk(job, b"x\n" * 10)), agent.end(job)):
        await world.control.report_attempt(agent.link, report)
    await world.control.engine.intake.settled()
    assert world.store.commits - before == 1
    assert agent.told(LogAck) == []
    assert agent.told(ResultAck) == [ResultAck(job.id, 1, True)]


async def test_an_end_without_all_of_its_output_is_not_accepted_and_the_worker_tells_it_again(
    world: World,
) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    delayed = agent.chunk(job, b"delayed\n")
    await agent.finish(job)
    assert (await world.job(job.id)).state is JobState.RUNNING
    assert agent.told(ResultAck) == []
    assert agent.link.closed is not None

    welcome = await agent.connect(finished=(Attempted(job.id, 1),))
    assert [(a.action, a.next_sequence) for a in welcome.answers] == [(Action.CONTINUE, 0)]
    await agent.say(LogsArrived(delayed), agent.end(job))
    assert (await world.job(job.id)).state is JobState.SUCCEEDED
    assert agent.told(ResultAck) == [ResultAck(job.id, 1, True)]


async def test_the_end_of_an_attempt_that_was_given_up_does_not_count_although_the_job_is_over(
    world: World,
) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, on_worker_lost=OnWorkerLost.FAIL)
    await world.control.terminate_worker(agent.worker_id)
    await agent.finish(job)
    assert [ack.accepted for ack in agent.told(ResultAck)] == [False]


async def test_a_chunk_behind_a_hole_is_not_stored_and_the_worker_must_tell_again(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    agent.chunk(job, b"lost on the way\n")
    await agent.write(job, b"behind the hole\n")
    assert agent.told(LogAck) == []
    assert agent.link.closed is not None
    async with world.store.begin() as tx:
        assert await tx.logs.read(job.id, 0, 10) == []


async def test_an_end_is_accepted_when_another_replica_stored_its_output(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    async with world.store.begin() as tx:
        await tx.logs.append([agent.chunk(job, b"stored elsewhere\n")])
    await agent.finish(job)
    assert (await world.job(job.id)).state is JobState.SUCCEEDED


async def test_a_repeated_end_changes_nothing_and_is_acknowledged_as_done(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.finish(job)
    ended = await world.job(job.id)
    await agent.finish(job, FAILURE)
    assert await world.job(job.id) == ended
    assert [ack.accepted for ack in agent.told(ResultAck)] == [True, True]
    assert agent.told(ResultAck)[1].message == "recorded already"


async def test_an_end_that_comes_twice_in_one_batch_is_recorded_once(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    before = world.store.commits
    for _ in range(2):
        await world.control.report_attempt(agent.link, agent.end(job))
    await world.control.engine.intake.settled()
    assert world.store.commits - before == 1
    assert (await world.job(job.id)).version == job.version + 1
    assert [ack.accepted for ack in agent.told(ResultAck)] == [True, True]


async def test_reports_about_a_superseded_attempt_change_nothing_and_the_worker_must_stop(
    world: World,
) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, retry=RetryRules(max_attempts=5))
    await agent.finish(job, FAILURE)
    await world.pass_time(timedelta(seconds=3))
    second = agent.jobs[-1]
    assert second.attempt == 2
    before = await world.job(job.id)
    await agent.say(
        AttemptStarted(job.id, 1),
        LogsArrived(agent.chunk(job, b"late\n")),
        ProgressMade(job.id, 1, Progress()),
    )
    assert agent.told(StopAttempt) == [StopAttempt(job.id, 1, "superseded")]
    await agent.finish(job)
    assert agent.told(ResultAck)[-1] == ResultAck(job.id, 1, False, "superseded")
    assert await world.job(job.id) == before


async def test_a_worker_cannot_report_about_the_job_of_another(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    stranger = await world.add_worker()
    for is_legacy in (False, True):
        stranger.link.is_legacy = is_legacy
        await stranger.finish(job)
        await stranger.say(LogsArrived(agent.chunk(job, b"forged\n")))
        assert stranger.told(ResultAck)[-1].accepted is False
        assert stranger.told(StopAttempt)[-1].reason == "superseded"
    assert await world.job(job.id) == job
    assert (await world.worker(agent.worker_id)).job_id == job.id


async def test_a_report_about_an_unknown_job_is_refused(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    unknown = evolve(job, id=type(job.id)(int=99))
    await agent.finish(unknown)
    assert agent.told(ResultAck) == [ResultAck(unknown.id, 1, False, "superseded")]


async def test_reports_over_a_link_that_was_replaced_are_passed_over(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    old = agent.link
    await agent.connect(running=(Attempted(job.id, 1),))
    assert old.closed is not None
    await world.control.report_attempt(old, agent.end(job))
    await world.control.engine.intake.settled()
    assert (await world.job(job.id)).state is JobState.RUNNING
    await agent.finish(job)
    assert (await world.job(job.id)).state is JobState.SUCCEEDED


async def test_when_the_commit_fails_nothing_is_acknowledged_and_it_is_tried_again(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    world.store.fail_commits(2)
    await world.control.report_attempt(agent.link, LogsArrived(agent.chunk(job, b"a\n")))
    await world.control.report_attempt(agent.link, agent.end(job))
    while not world.control.engine.outage.present:  # noqa: ASYNC110  (one turn of the loop at a time)
        await asyncio.sleep(0)
    assert agent.told(LogAck) == []
    assert agent.told(ResultAck) == []
    await world.control.engine.intake.settled()
    assert (await world.job(job.id)).state is JobState.SUCCEEDED
    assert len(agent.told(ResultAck)) == 1


async def test_a_commit_whose_answer_got_lost_is_repeated_without_harm(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    record = world.control.engine.intake._commit
    failures = [StoreUnavailable("the answer got lost")]

    async def forgetful(arrivals: Sequence[Arrival]) -> None:
        assert isinstance(record, RecordReports)
        await record._record_surely(arrivals)  # it is committed, and we do not hear of it
        if failures:
            raise failures.pop()
        await record(arrivals)

    world.control.engine.intake._commit = forgetful
    await agent.finish(job)
    assert agent.told(ResultAck) == [ResultAck(job.id, 1, True, "recorded already")]
    worker = await world.worker(agent.worker_id)
    assert (worker.state, worker.jobs_done) == (WorkerState.READY, 1)
    await world.submit()
    await world.settle()
    assert len(agent.jobs) == 2


async def test_one_bad_report_ends_its_own_stream_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hodei_application.jobs.spoiled_reports.PAUSES", (0.0,))
    good, bad = await world.add_worker(), await world.add_worker()
    await world.submit()
    await world.submit()
    await world.settle()
    fine = good.chunk(good.jobs[0], b"fine\n")
    broken = evolve(bad.chunk(bad.jobs[0], b"broken\n"), lines=7)
    await world.control.report_attempt(bad.link, LogsArrived(broken))
    await world.control.report_attempt(good.link, LogsArrived(fine))
    await world.control.engine.intake.settled()
    await world.control.engine.deeds.settled()
    assert bad.link.closed is not None
    assert good.link.closed is None
    assert good.told(LogAck) == [LogAck(good.jobs[0].id, 1, 1)]


async def test_progress_is_kept(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.say(ProgressMade(job.id, 1, Progress(percentage=40, stage="build", message="m")))
    assert (await world.job(job.id)).progress == Progress(percentage=40, stage="build", message="m")


async def test_a_failing_job_is_tried_again_after_its_backoff(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, retry=RetryRules(max_attempts=2, jitter=0))
    await agent.finish(job, FAILURE)
    await world.settle()
    assert len(agent.jobs) == 1
    await world.pass_time(timedelta(seconds=2))
    assert [j.attempt for j in agent.jobs] == [1, 2]
    await agent.finish(agent.jobs[1], FAILURE)
    assert (await world.job(job.id)).state is JobState.FAILED


async def test_an_old_worker_whose_job_timed_out_is_not_used_again(world: World) -> None:
    agent = await world.add_worker(is_legacy=True)
    job = await world.running(agent)
    await agent.say(AttemptEnded(job.id, 1, JobResult(reason=Reason.TIMEOUT_EXECUTION, exit_code=-1)))
    assert (await world.job(job.id)).state is JobState.TIMEOUT
    worker = await world.worker(agent.worker_id)
    assert worker.state is WorkerState.TERMINATING
    assert "may still run" in worker.reason


async def test_an_attempt_that_was_taken_away_is_not_taken_for_an_end_that_is_recorded(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    async with world.store.begin() as tx:
        await tx.jobs.save([job.lose(1, at=world.clock(), why="test")])
    await agent.finish(job)
    assert agent.told(ResultAck) == [ResultAck(job.id, 1, False, "superseded")]
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY


async def test_a_worker_that_somebody_drained_meanwhile_is_read_again(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await world.replica("two").drain_worker(agent.worker_id)  # our copy of the worker is outdated now
    await agent.finish(job)
    assert (await world.job(job.id)).state is JobState.SUCCEEDED
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATING


async def test_a_worker_whose_row_somebody_deleted_is_sent_away(world: World) -> None:
    busy = await world.add_worker()
    job = await world.running(busy)
    idle = await world.add_worker()
    world.store.tables.workers.rows.clear()
    await busy.finish(job)
    assert (await world.job(job.id)).state is JobState.SUCCEEDED
    assert busy.link.closed == "the worker's row is gone"
    await world.submit()
    await world.control.engine.dispatcher.step()
    assert idle.link.closed == "the worker's row is gone"
    assert len(world.control.engine.connected) == 0


async def test_an_end_is_checked_against_the_row_when_our_copy_is_outdated(
    world: World,
) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    async with world.store.begin() as tx:  # another replica cancelled it and took it away
        await tx.jobs.save([job.cancel(at=world.clock(), by="ann")])
    async with world.store.begin() as tx:
        [wished] = (await tx.jobs.lock([job.id])).values()
        await tx.jobs.save([wished.expire(Reason.CANCELLED, at=world.clock())])
    await agent.finish(job)
    assert (await world.job(job.id)).state is JobState.CANCELLED
    assert agent.told(ResultAck) == [ResultAck(job.id, 1, True, "recorded already")]


async def test_a_busy_worker_costs_one_transaction_for_each_job(world: World) -> None:
    agent = await world.add_worker()
    for _ in range(11):
        await world.submit()
    await world.settle()
    before = world.store.commits
    for number in range(10):
        given = agent.jobs[number]
        await world.control.report_attempt(agent.link, AttemptStarted(given.id, 1, 1, ""))
        await agent.finish(given)
    assert len(agent.jobs) == 11
    assert world.store.commits - before == 10
