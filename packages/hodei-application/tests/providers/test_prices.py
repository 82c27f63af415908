"""Region, labels and cost of providers, and the jobs that ask for them."""

from datetime import timedelta

import pytest
from hodei_application.testing import World
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.spec import Clocks
from hodei_domain.kernel.ids import JobId
from hodei_domain.kernel.values import Constraint, Operator
from hodei_domain.scheduling.choose import ProviderStrategy
from hodei_domain.scheduling.config import SchedulerConfig


async def provider_of(world: World, job_id: JobId) -> str:
    """Whose worker the job was given to, "" if to none."""
    job = await world.job(job_id)
    if job.worker_id is None:
        return ""
    worker = await world.worker(job.worker_id)
    views = await world.control.list_providers()
    return next(v.provider.name for v in views if v.provider.id == worker.provider_id)


async def test_the_cheapest_provider_is_taken_by_the_price_that_an_operator_has_set(world: World) -> None:
    await world.add_provider("dear", cost_per_hour=2.0, priority=0)
    await world.add_provider("fair", cost_per_hour=0.5)
    await world.control.configure_scheduler(SchedulerConfig(provider_strategy=ProviderStrategy.LOWEST_COST))
    first = await world.submit()
    await world.settle()
    assert await provider_of(world, first.id) == "fair"
    await world.control.update_provider("dear", {"cost_per_hour": 0.1})
    second = await world.submit()
    await world.settle()
    assert await provider_of(world, second.id) == "dear"


async def waits(world: World, job: Job) -> list[str]:
    assert (await world.job(job.id)).state is JobState.PENDING
    return [each.reason for each in await world.control.why_pending(job.id)][1:]


async def test_a_budget_keeps_a_job_from_what_costs_more(world: World) -> None:
    await world.add_provider(cost_per_hour=2.0)
    dear = await world.submit(max_budget=1.0)
    short = await world.submit(max_budget=1.0, clocks=Clocks(execution=timedelta(minutes=30)))
    await world.settle()
    assert await waits(world, dear) == ["costs 2 an hour, and the job's budget is 1 an hour"]
    assert (await world.job(short.id)).state is JobState.SCHEDULED
    await world.control.update_provider("scripted", {"cost_per_hour": 1.0})
    await world.settle()
    assert (await world.job(dear.id)).state is JobState.SCHEDULED


async def test_an_idle_worker_that_costs_too_much_is_not_taken_either(world: World) -> None:
    await world.add_provider(cost_per_hour=2.0)
    first = await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(await world.job(first.id))
    job = await world.submit(max_budget=1.0)
    await world.settle()
    assert await waits(world, job) == ["costs 2 an hour, and the job's budget is 1 an hour"]


@pytest.mark.parametrize(
    ("setting", "wish", "reason"),
    [
        ({"region": "eu"}, {"region": "eu"}, "is in no region, not in eu"),
        (
            {"labels": {"disk": "ssd"}},
            {"constraints": (Constraint("disk", Operator.EQ, ("ssd",)),)},
            "its label disk is absent: disk Eq ssd is asked",
        ),
    ],
)
async def test_region_and_labels_that_an_operator_sets_serve_jobs_that_wait_for_them(
    world: World, setting: dict[str, object], wish: dict[str, object], reason: str
) -> None:
    await world.add_provider()
    first = await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(await world.job(first.id))
    job = await world.submit(**wish)
    await world.settle()
    assert await waits(world, job) == [reason]
    await world.control.update_provider("scripted", setting)
    await world.settle()
    assert (await world.job(job.id)).worker_id == agent.worker_id, "the worker that is there has them, too"
