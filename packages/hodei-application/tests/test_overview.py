"""The installation at a glance, and a replica that only looks on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from hodei_application.control_plane import Outside, build
from hodei_application.jobs.submit_job import Submission
from hodei_application.policy import Policy
from hodei_application.providers.register_provider import NewProvider
from hodei_application.testing import World
from hodei_domain.jobs.spec import JobSpec, Shell
from hodei_domain.kernel.errors import InvalidInput, StoreUnavailable
from hodei_domain.providers.provider import Provider, ProviderStatus, ProviderType
from hodei_domain.workers.state import WorkerState


def outside(world: World, **fields: Any) -> Outside:
    return evolve(world.control.engine.outside, **fields)


async def test_everything_is_counted_in_one_look(world: World) -> None:
    await world.add_provider("far", max_workers=3)
    await world.submit()
    await world.settle()
    seen = await world.control.look_around()
    assert (seen.trouble, seen.replicas) == ("", 1)
    assert [provider.name for provider in seen.providers] == ["far"]
    assert seen.workers_of == {"far": 1}
    assert sum(seen.workers.values()) == 1
    assert WorkerState.TERMINATED not in seen.workers


async def test_a_store_that_does_not_answer_is_an_answer(world: World) -> None:
    def broken() -> AbstractAsyncContextManager[Any]:
        raise StoreUnavailable("connection refused")

    control = build(outside(world, begin=broken, replicas=lambda: 2))
    seen = await control.look_around()
    assert (seen.trouble, seen.replicas, seen.answered_in) == ("connection refused", 2, None)


def onlooker(world: World) -> Any:
    nothing = outside(world, plugins=lambda provider: None, replica="onlooker")
    return build(nothing, Policy(serves_workers=False))


async def test_an_onlooker_makes_no_workers_and_leads_nothing(world: World) -> None:
    looking = onlooker(world)
    await looking.start()
    assert {loop.name for loop in looking.engine._loops()} == {"refresh", "events", "clock", "identity"}
    assert looking.is_ready()
    await looking.stop()


async def test_an_onlooker_goes_by_the_stores_clock(world: World) -> None:
    looking = onlooker(world)
    world.store.tables.now = lambda: world.clock() + timedelta(hours=1)
    await looking.engine._look_at_clock()
    job = await looking.submit_job(Submission(spec=JobSpec(command=Shell("true"))))
    assert job.job.created_at == world.clock() + timedelta(hours=1)


async def test_what_an_onlooker_cannot_see_is_no_news_of_a_provider(world: World) -> None:
    await world.add_provider("far")
    known = await world.control.provider_health("far")
    looking = onlooker(world)
    for _ in range(4):
        told = await looking.provider_health("far")
        assert (told.healthy, told.message, told.checked_at) == (True, known.message, known.checked_at)
    assert told.provider.status is ProviderStatus.ACTIVE
    job = await world.submit()
    reasons = [each.reason for each in await looking.why_pending(job.id)]
    assert reasons == [each.reason for each in await world.control.why_pending(job.id)]


async def test_images_are_listed_of_providers_that_answer(world: World) -> None:
    await world.add_provider("far")
    assert await world.control.images() == []


async def test_a_provider_is_tried_out_and_nothing_stays_of_it(world: World) -> None:
    closed = []

    @asynccontextmanager
    async def trial(provider: Provider) -> AsyncIterator[Any]:
        yield world.provider.plugin if provider.type is ProviderType.TEST else None
        closed.append(provider.name)

    control = build(outside(world, trial=trial))
    tried = await control.try_provider(NewProvider(name="new", type=ProviderType.TEST))
    assert (tried.health.healthy, tried.capabilities) == (True, world.provider.capabilities)
    world.provider.outage = "it burns"
    tried = await control.try_provider(NewProvider(name="new", type=ProviderType.TEST))
    assert (tried.health.healthy, tried.capabilities) == (False, None)
    with pytest.raises(InvalidInput) as refused:
        await control.try_provider(NewProvider(name="new", type=ProviderType.EC2))
    assert refused.value.field == "type"
    assert closed[:2] == ["new", "new"]
    assert await control.list_providers() == []
