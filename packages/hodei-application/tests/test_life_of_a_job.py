"""The whole way of a job, use cases and loops together."""

import asyncio

from hodei_application.testing import World
from hodei_domain.jobs.job import JobState
from hodei_domain.workers.worker import WorkerState


async def test_a_job_runs_on_a_worker_that_is_made_for_it(world: World) -> None:
    await world.add_provider()
    job = await world.submit(name="hello")
    await world.settle()
    [agent] = world.agents.values()
    [given] = agent.jobs
    assert given.id == job.id
    assert (await world.job(job.id)).state is JobState.SCHEDULED

    await agent.start(given)
    running = await world.job(job.id)
    assert running.state is JobState.RUNNING
    await agent.write(given, b"hello\n")
    await agent.finish(given)

    done = await world.job(job.id)
    assert done.state is JobState.SUCCEEDED
    assert done.result is not None
    assert done.result.exit_code == 0
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY
    assert await world.events(job.id) == [
        "JobCreated",
        "JobProvisioning",
        "JobProvisioning",
        "JobAssigned",
        "JobStatusChanged",
        "JobStatusChanged",
    ]


async def test_a_worker_that_became_free_is_offered_the_next_job(world: World) -> None:
    agent = await world.add_worker()
    first, second = await world.submit(name="1"), await world.submit(name="2")
    await world.settle()
    assert [job.id for job in agent.jobs] == [first.id]
    await agent.finish(agent.jobs[0])
    await world.settle()
    assert [job.id for job in agent.jobs] == [first.id, second.id]


async def test_one_worker_is_made_for_each_waiting_job_and_none_for_those_that_start(world: World) -> None:
    world.agents_come = False
    await world.add_provider(max_workers=5)
    for _ in range(3):
        await world.submit()
    await world.settle()
    assert len(world.provider.made) == 3
    await world.settle()
    assert len(world.provider.made) == 3


async def test_whatever_happens_a_job_has_one_accepted_end(world: World) -> None:
    """Ends from a worker, a client, a canceller and the reaper race; the first that commits is the end."""
    agent = await world.add_worker()
    job = await world.running(agent)
    control = world.control
    await control.report_attempt(agent.link, agent.end(job))
    calls = [
        control.complete_job(f"{job.id}/1", exit_code=7),
        control.cancel_job(job.id),
        control.terminate_worker(agent.worker_id),
        control.engine.reaper.take_away(agent.worker_id, "race", expected=(job.id, 1)),
        control.engine.intake.settled(),
    ]
    await asyncio.gather(*calls, return_exceptions=True)
    await world.settle()
    ended = [
        record
        for record in await control.audit_by_correlation(str(job.id))
        if record.event_type == "JobStatusChanged"
        and record.payload["new_state"] in {"SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT"}
    ]
    assert len(ended) <= 1
    times = [record.occurred_at for record in await control.audit_by_correlation(str(job.id))]
    assert times == sorted(set(times))
