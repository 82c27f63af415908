from uuid import UUID

import pytest
from hodei_application.jobs import attempt_door
from hodei_application.jobs.attempt_door import Output, execution_id, parse_execution_id
from hodei_application.logs.get_logs import LogQuery
from hodei_application.testing import World
from hodei_application.workers.commands import StopAttempt
from hodei_domain.jobs.errors import AlreadyEnded, IllegalMove, JobNotFound, StaleAttempt
from hodei_domain.jobs.job import JobState, Progress
from hodei_domain.jobs.result import Reason
from hodei_domain.jobs.spec import RetryRules
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.workers.errors import IllegalWorkerMove, WorkerNotFound
from hodei_domain.workers.worker import WorkerState

NOBODY = UUID(int=1)


def test_an_execution_id_names_a_job_and_an_attempt() -> None:
    assert parse_execution_id(f"{NOBODY}/3") == (NOBODY, 3)
    numbers = ("", "x", "1234567890", "²")
    for text in ("", "x", "x/1", str(NOBODY), *(f"{NOBODY}/{number}" for number in numbers)):
        with pytest.raises(InvalidInput, match="execution_id"):
            parse_execution_id(text)


async def test_a_client_can_take_a_job_through_its_life(world: World) -> None:
    control = world.control
    agent = await world.add_worker()
    control.engine.dispatcher.paused = True
    job = await world.submit()
    assigned = await control.assign_job(job.id, agent.worker_id)
    assert [j.id for j in agent.jobs] == [job.id]
    execution = execution_id(assigned)
    assert (await control.start_job(execution, job.id, agent.worker_id)).state is JobState.RUNNING
    told = await control.update_progress(execution, percentage=50, stage="half", message="way")
    assert told.progress == Progress(percentage=50, stage="half", message="way")
    assert (await control.complete_job(execution, exit_code=0)).state is JobState.SUCCEEDED
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY
    assert agent.told(StopAttempt) == [StopAttempt(job.id, 1, "ended by a client")]


async def test_a_client_may_name_the_job_instead(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    assert (await world.control.complete_job("", job.id, exit_code=3)).state is JobState.FAILED


async def test_a_failure_that_a_client_tells_of_goes_by_the_retry_rules(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, retry=RetryRules(max_attempts=2))
    again = await world.control.fail_job(f"{job.id}/1", message="no disk", error_type="IO")
    assert again.state is JobState.PENDING
    await world.pass_time(RetryRules().initial * 2)
    ended = await world.control.fail_job(f"{job.id}/2", message="no disk")
    assert ended.state is JobState.FAILED
    assert ended.result is not None
    assert (ended.result.reason, ended.result.message) == (Reason.REPORTED, "no disk")


async def test_the_epoch_is_checked_for_clients_too(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    with pytest.raises(StaleAttempt):
        await world.control.complete_job(f"{job.id}/2", exit_code=0)
    with pytest.raises(StaleAttempt):
        await world.control.start_job(f"{job.id}/1", worker_id=WorkerId(NOBODY))
    await agent.finish(job)
    with pytest.raises(AlreadyEnded):
        await world.control.complete_job(f"{job.id}/1", exit_code=0)


async def test_what_names_nothing_is_refused(world: World) -> None:
    job = await world.submit()
    with pytest.raises(JobNotFound):
        await world.control.start_job(f"{NOBODY}/1")
    with pytest.raises(InvalidInput, match="another job"):
        await world.control.start_job(f"{job.id}/1", JobId(NOBODY))
    with pytest.raises(InvalidInput, match="missing"):
        await world.control.start_job("")
    with pytest.raises(InvalidInput, match="progress_percentage"):
        await world.control.update_progress(f"{job.id}/1", percentage=101)


async def test_a_job_is_assigned_by_hand_only_if_both_are_free(world: World) -> None:
    control = world.control
    agent = await world.add_worker()
    job = await world.running(agent)
    other = await world.submit()
    with pytest.raises(IllegalWorkerMove):
        await control.assign_job(other.id, agent.worker_id)
    idle = await world.add_worker()
    with pytest.raises(IllegalMove):
        await control.assign_job(job.id, idle.worker_id)
    with pytest.raises(WorkerNotFound):
        await control.assign_job(other.id, WorkerId(NOBODY))
    with pytest.raises(JobNotFound):
        await control.assign_job(JobId(NOBODY), idle.worker_id)
    assert (await world.job(other.id)).state is JobState.PENDING


async def test_a_client_ends_an_attempt_whose_worker_is_not_in_our_books(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    world.store.tables.workers.rows.pop(agent.worker_id)
    assert (await world.control.complete_job(f"{job.id}/1", exit_code=0)).state is JobState.SUCCEEDED


async def test_a_failure_that_is_for_good_is_not_tried_again(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, retry=RetryRules(max_attempts=5))
    ended = await world.control.fail_job(f"{job.id}/1", message="no such table", retryable=False)
    assert ended.state is JobState.FAILED
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY


async def output_of(world: World, job_id: JobId) -> list[tuple[bytes, bool, bool]]:
    page = await world.control.get_logs(LogQuery(job_id=job_id))
    return [(line.entry.data, line.entry.stderr, line.entry.partial) for line in page.lines]


async def test_output_that_a_client_brings_is_kept_where_the_worker_sent_none(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    told = Output("one\ntwo\n", "bad")
    await world.control.complete_job(f"{job.id}/1", exit_code=1, message="bad", output=told)
    assert await output_of(world, job.id) == [
        (b"one", False, False),
        (b"two", False, False),
        (b"bad", True, True),
    ]


async def test_output_that_the_worker_sent_is_not_told_twice(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.write(job, b"mine\n")
    await world.control.complete_job(f"{job.id}/1", exit_code=0, output=Output("theirs\n"))
    assert await output_of(world, job.id) == [(b"mine", False, False)]


async def test_a_client_may_bring_nothing_or_much(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_door, "LARGEST_PIECE", 4)
    agent = await world.add_worker()
    job = await world.running(agent)
    await world.control.complete_job(f"{job.id}/1", exit_code=0, output=Output())
    assert await output_of(world, job.id) == []
    job = await world.running(agent)
    done = await world.control.complete_job(
        f"{job.id}/1", exit_code=0, message="m" * 5000, output=Output("abcdefgh\ni")
    )
    assert b"".join(data for data, _, _ in await output_of(world, job.id)) == b"abcdefghi"
    assert done.result is not None
    assert len(done.result.message) == 4096
