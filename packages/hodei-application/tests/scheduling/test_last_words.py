"""What a dead worker had on its disk is recorded before the worker is given up."""

from datetime import timedelta

from hodei_application.testing import ScriptedAgent, World
from hodei_application.workers.hello import Attempted
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.logs.chunk import entries
from hodei_domain.providers.records import LeftEnd, Presence, PresenceState
from hodei_domain.workers.worker import WorkerState

KILLED = Presence(state=PresenceState.EXITED, exit_code=137, reason="killed")
DONE = JobResult(reason=Reason.EXIT, exit_code=0)


async def provided(world: World) -> tuple[ScriptedAgent, Job]:
    """A job that runs on a worker that the provider made."""
    await world.add_provider()
    job = await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.start(agent.jobs[0])
    return agent, await world.job(job.id)


async def dies(world: World, agent: ScriptedAgent) -> None:
    """The agent's process ends, its stream with it."""
    world.provider.see(agent.worker_id, KILLED)
    await agent.disconnect()
    await world.pass_time(timedelta(seconds=3))


async def output(world: World, job: Job, attempt: int = 1) -> bytes:
    async with world.store.begin() as tx:
        chunks = await tx.logs.read(job.id, 0, 100, attempt)
    return b"".join(entry.data + b"\n" for chunk in chunks for entry in entries(chunk))


def end(job: Job, next_sequence: int, attempt: int = 1) -> LeftEnd:
    return LeftEnd(job_id=job.id, attempt=attempt, result=DONE, next_sequence=next_sequence)


async def test_an_end_and_its_output_that_lay_on_the_disk_are_the_jobs(world: World) -> None:
    agent, job = await provided(world)
    await agent.write(job, b"a\n")
    world.provider.left[agent.worker_id] = [agent.chunk(job, b"b\n"), agent.chunk(job, b"c\n"), end(job, 3)]
    await dies(world, agent)
    ended = await world.job(job.id)
    assert (ended.state, ended.attempt, ended.result) == (JobState.SUCCEEDED, 1, DONE)
    assert await output(world, job) == b"a\nb\nc\n"
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED


async def test_output_without_an_end_stands_before_the_mark_of_what_is_lost(world: World) -> None:
    agent, job = await provided(world)
    world.provider.left[agent.worker_id] = [agent.chunk(job, b"a\n")]
    await dies(world, agent)
    assert (await world.job(job.id)).losses == 1
    told = await output(world, job)
    assert told.startswith(b"a\nhodei: worker ")
    assert b"is lost" in told


async def test_an_end_whose_output_is_not_complete_is_not_believed(world: World) -> None:
    agent, job = await provided(world)
    world.provider.left[agent.worker_id] = [agent.chunk(job, b"a\n"), end(job, 7)]
    await dies(world, agent)
    assert (await world.job(job.id)).losses == 1
    assert (await output(world, job)).startswith(b"a\nhodei: worker ")


async def test_what_was_delivered_already_changes_nothing(world: World) -> None:
    agent, job = await provided(world)
    chunk = await agent.write(job, b"a\n")
    world.provider.left[agent.worker_id] = [chunk, end(job, 1)]
    await dies(world, agent)
    assert (await world.job(job.id)).state is JobState.SUCCEEDED
    assert await output(world, job) == b"a\n"


async def test_nobody_speaks_for_an_attempt_that_is_not_his(world: World) -> None:
    agent, job = await provided(world)
    other = await world.add_worker()
    theirs = await world.running(other)
    world.provider.left[agent.worker_id] = [
        *(agent.chunk(theirs, b"planted\n"), end(theirs, 1)),
        *(end(job, 0, attempt=2), end(job, 0, attempt=0)),
    ]
    await dies(world, agent)
    assert (await world.job(theirs.id)).state is JobState.RUNNING
    assert await output(world, theirs) == b""
    assert (await world.job(job.id)).losses == 1


async def test_a_worker_that_is_back_meanwhile_is_left_alone(world: World) -> None:
    agent, job = await provided(world)
    world.provider.left[agent.worker_id] = [agent.chunk(job, b"a\n")]
    await agent.disconnect()
    suspect = await world.worker(agent.worker_id)
    await agent.connect(running=(Attempted(job.id, 1),))
    await world.control.engine.leader.keeper.presence.gone(suspect, KILLED)
    assert (await world.job(job.id)).state is JobState.RUNNING
    assert await output(world, job) == b"a\n"
