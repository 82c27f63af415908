"""A job given to a worker by hand: only to one that can run it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hodei_application.jobs.assign_job import WorkerNotHere, WorkerUnsuited
from hodei_application.testing import World
from hodei_domain.jobs.job import JobState
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.kernel.values import Capacity, Constraint, Operator, Resources
from hodei_domain.workers.errors import IllegalWorkerMove, WorkerNotFound
from hodei_domain.workers.spec import WorkerInfo

SMALL = WorkerInfo(architecture="amd64", capacity=Capacity(cpu_cores=2, memory_mib=1024))


async def placed(world: World) -> tuple[WorkerId, Any]:
    """An idle worker of two cores without a GPU, and a queue that nobody serves."""
    world.control.engine.dispatcher.paused = True
    agent = await world.add_worker(labels={"disk": "hdd"})
    agent.info = SMALL
    await agent.register("")
    return agent.worker_id, agent


@pytest.mark.parametrize(
    ("spec", "reasons"),
    [
        ({"resources": Resources(gpu=1)}, ["has 0 GPUs, not 1"]),
        ({"image": "debian:12"}, ["runs in its own image, not in debian:12"]),
        ({"constraints": (Constraint("disk", Operator.EQ, ("ssd",)),)}, ["its label disk is hdd"]),
        ({"provider": "docker"}, ["belongs to provider none, not docker"]),
        ({"region": "eu"}, ["is in region none, not eu"]),
        (
            {"resources": Resources(cpu_cores=8, memory_mib=4096, architecture="arm64")},
            ["is amd64, not arm64", "has 2 cores, not 8", "has 1024 MiB of memory, not 4096"],
        ),
    ],
)
async def test_a_worker_that_cannot_run_the_job_is_refused_with_all_reasons(
    world: World, spec: dict[str, Any], reasons: list[str]
) -> None:
    worker_id, agent = await placed(world)
    await world.add_provider("docker")
    job = await world.submit(**spec)
    with pytest.raises(WorkerUnsuited) as refused:
        await world.control.assign_job(job.id, worker_id)
    for reason in reasons:
        assert reason in refused.value.message
    assert (await world.job(job.id)).state is JobState.PENDING
    assert agent.jobs == []


async def test_what_a_job_only_prefers_does_not_count_by_hand(world: World) -> None:
    worker_id, agent = await placed(world)
    job = await world.submit(preferred_provider="docker", preferred_region="eu")
    await world.control.assign_job(job.id, worker_id)
    assert [run.id for run in agent.jobs] == [job.id]


async def test_a_worker_of_a_provider_that_is_out_of_use_is_refused(world: World) -> None:
    provider = await world.add_provider()
    await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0])
    await world.control.disable_provider(provider.name)
    job = await world.submit()
    with pytest.raises(WorkerUnsuited, match="its provider is disabled"):
        await world.control.assign_job(job.id, agent.worker_id)


async def test_a_worker_that_takes_no_work_is_refused_with_its_state(world: World) -> None:
    worker_id, agent = await placed(world)
    job = await world.submit()
    world.clock.advance(timedelta(seconds=60))
    with pytest.raises(WorkerNotHere, match="has not been heard of lately"):
        await world.control.assign_job(job.id, worker_id)
    world.control.heartbeat(agent.link)
    await world.control.drain_worker(worker_id)
    with pytest.raises(IllegalWorkerMove, match="TERMINATING"):
        await world.control.assign_job(job.id, worker_id)


async def test_a_worker_elsewhere_or_without_a_stream_is_refused_for_that(world: World) -> None:
    worker_id, agent = await placed(world)
    job = await world.submit()
    other = world.replica("two")
    with pytest.raises(WorkerNotHere, match="another server"):
        await other.assign_job(job.id, worker_id)
    await world.control.disconnect_worker(agent.link)
    with pytest.raises(IllegalWorkerMove, match="not connected"):
        await world.control.assign_job(job.id, worker_id)
    with pytest.raises(WorkerNotFound):
        await world.control.assign_job(job.id, WorkerId(UUID(int=9)))
