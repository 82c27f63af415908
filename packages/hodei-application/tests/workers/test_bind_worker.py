from datetime import timedelta
from uuid import UUID

import pytest
from hodei_application.logs.get_logs import LogQuery
from hodei_application.testing import World
from hodei_application.workers.commands import Action, CancelAttempt, RunAttempt, Welcome
from hodei_application.workers.hello import Attempted
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import OnWorkerLost, RetryRules
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.workers.errors import IllegalWorkerMove, WorkerGone, WorkerNotFound
from hodei_domain.workers.worker import WorkerState

FAILURE = JobResult(reason=Reason.EXIT, exit_code=1)


async def test_a_worker_that_binds_for_the_first_time_is_ready_and_welcome(world: World) -> None:
    agent = await world.add_worker()
    worker = await world.worker(agent.worker_id)
    assert (worker.state, worker.connected) == (WorkerState.READY, True)
    assert agent.told(Welcome) == [Welcome((), timedelta(seconds=5), timedelta(seconds=45))]


async def test_an_old_worker_is_not_sent_what_it_does_not_know(world: World) -> None:
    agent = await world.add_worker(is_legacy=True)
    assert agent.link.sent == []


async def test_what_runs_goes_on_from_where_its_output_is_stored(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.write(job, b"a\nb\n")
    await agent.disconnect()
    assert (await world.job(job.id)).state is JobState.RUNNING

    welcome = await agent.connect(running=(Attempted(job.id, 1, 5),))
    [answer] = welcome.answers
    assert (answer.action, answer.next_sequence) == (Action.CONTINUE, 2)
    assert (await world.worker(agent.worker_id)).state is WorkerState.BUSY
    assert (await world.job(job.id)).state is JobState.RUNNING


async def test_an_end_that_is_recorded_is_done_with(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.finish(job)
    welcome = await agent.connect(finished=(Attempted(job.id, 1),))
    assert [a.action for a in welcome.answers] == [Action.DONE]


async def test_what_is_over_or_superseded_or_unknown_is_to_stop(world: World) -> None:
    agent = await world.add_worker()
    over = await world.running(agent)
    await agent.finish(over)
    retried = await world.running(agent, retry=RetryRules(max_attempts=2, initial=timedelta(hours=1)))
    await agent.finish(retried, FAILURE)
    unknown = JobId(UUID(int=3))
    welcome = await agent.connect(running=tuple(Attempted(id, 1) for id in (over.id, retried.id, unknown)))
    assert [a.action for a in welcome.answers] == [Action.STOP] * 3


async def test_the_attempt_of_another_worker_is_to_stop(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    stranger = await world.add_worker()
    welcome = await stranger.connect(running=(Attempted(job.id, 1),))
    assert [a.action for a in welcome.answers] == [Action.STOP]


async def test_a_job_that_never_reached_its_worker_goes_back_to_the_queue(world: World) -> None:
    agent = await world.add_worker()
    job = await world.submit(on_worker_lost=OnWorkerLost.HOLD)
    await world.settle()
    await agent.connect()
    waiting = await world.job(job.id)
    assert (waiting.state, waiting.held, waiting.losses) == (JobState.PENDING, False, 0)
    await world.settle()
    assert agent.told(RunAttempt)[-1].job.attempt == 2


async def test_a_running_job_that_its_worker_forgot_is_lost_by_its_policy(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, on_worker_lost=OnWorkerLost.FAIL)
    await agent.connect()
    lost = await world.job(job.id)
    assert (lost.state, lost.result and lost.result.reason) == (JobState.FAILED, Reason.WORKER_LOST)
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY


async def test_the_output_that_a_worker_lost_with_a_running_job_is_marked_in_its_log(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.write(job, b"kept\n")
    await agent.connect()
    page = await world.control.get_logs(LogQuery(job_id=job.id))
    assert page.lines[0].entry.data == b"kept"
    assert b"output that it had not sent yet is lost" in page.lines[1].entry.data


async def test_an_old_worker_that_comes_back_goes_on_with_what_our_books_say(world: World) -> None:
    agent = await world.add_worker(is_legacy=True)
    job = await world.running(agent)
    counted = world.control.legacy_log(agent.link, job.id)
    assert counted is not None
    from hodei_application.jobs.reports import LogsArrived

    await agent.say(LogsArrived(counted.chunk(b"one\n", stderr=False, at=world.clock())))
    await agent.connect()
    assert (await world.job(job.id)).state is JobState.RUNNING
    again = world.control.legacy_log(agent.link, job.id)
    assert again is not None
    assert (again.attempt, again.next_sequence, again.next_offset) == (1, 1, 4)
    await agent.finish(job)
    assert (await world.job(job.id)).state is JobState.SUCCEEDED


async def test_a_cancel_is_sent_again_when_its_worker_comes_back(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.disconnect()
    await world.control.cancel_job(job.id)
    await agent.connect(running=(Attempted(job.id, 1),))
    assert agent.told(CancelAttempt) == [CancelAttempt(job.id, 1, timedelta(seconds=10), "cancelled")]
    assert isinstance(agent.link.sent[0], Welcome)


async def test_a_worker_whose_job_was_taken_away_meanwhile_is_free(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.disconnect()
    async with world.store.begin() as tx:  # as another replica may have left it
        await tx.jobs.save([job.lose(1, at=world.clock(), why="test")])
    await agent.connect(running=(Attempted(job.id, 1),))
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY


async def test_the_newest_stream_of_a_worker_counts(world: World) -> None:
    agent = await world.add_worker()
    old = agent.link
    await agent.connect()
    assert old.closed == "the worker connected again"
    await world.control.disconnect_worker(old)
    assert (await world.worker(agent.worker_id)).connected is True
    await world.submit()
    await world.settle()
    assert len(agent.jobs) == 1


async def test_a_worker_that_does_not_exist_or_is_gone_or_not_registered_is_not_bound(world: World) -> None:
    with pytest.raises(WorkerNotFound):
        await world.agent(WorkerId(UUID(int=1))).connect()
    issued = await world.control.issue_worker_token()
    with pytest.raises(IllegalWorkerMove):
        await world.agent(issued.worker_id).connect()
    agent = await world.add_worker()
    await world.control.terminate_worker(agent.worker_id)
    with pytest.raises(WorkerGone):
        await agent.connect()
    assert world.control.engine.connected.is_here(issued.worker_id) is False


async def test_binding_renews_the_lease_of_what_it_runs(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.disconnect()
    world.clock.advance(timedelta(seconds=40))
    await agent.connect(running=(Attempted(job.id, 1),))
    world.clock.advance(timedelta(seconds=40))
    async with world.store.begin() as tx:
        assert await tx.leases.expired(10) == []
