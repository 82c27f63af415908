import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve
from hodei_application.providers.price_provider import Price
from hodei_application.providers.probe import probe
from hodei_application.providers.register_provider import NewProvider
from hodei_application.testing import World
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import (
    ProviderAlreadyExists,
    ProviderInUse,
    ProviderNotFound,
    ProviderSwitchedOff,
    ProviderUnavailable,
)
from hodei_domain.providers.pools import PoolRules
from hodei_domain.providers.provider import Provider, ProviderStatus, ProviderType
from hodei_domain.providers.records import Health
from hodei_domain.workers.worker import WorkerState


async def test_a_registered_provider_has_what_its_plugin_can(world: World) -> None:
    provider = await world.add_provider(max_workers=3, tags=("a",))
    assert (provider.name, provider.max_workers, provider.tags) == ("scripted", 3, ("a",))
    assert provider.capabilities == world.provider.capabilities
    own = Capabilities(images=False, gpu=True)
    other = await world.add_provider("other", capabilities=own)
    assert other.capabilities == own


async def test_a_price_is_what_the_plugin_estimates_and_none_where_there_is_no_plugin(world: World) -> None:
    world.provider.cost_per_hour = 1.5
    provider = await world.add_provider()
    price = world.control.provider_price(provider)
    assert price == Price(1.5, world.provider.starts_in)
    elsewhere = evolve(provider, id=ProviderId(UUID(int=7)))
    assert world.control.provider_price(elsewhere) is None


async def test_a_name_is_given_once(world: World) -> None:
    await world.add_provider()
    with pytest.raises(ProviderAlreadyExists):
        await world.add_provider()


async def test_a_provider_that_a_server_brings_along_is_registered_once(world: World) -> None:
    new = NewProvider(name="process", type=ProviderType.BARE_METAL)
    first = await world.control.ensure_provider(new)
    assert (await world.control.ensure_provider(evolve(new, max_workers=99))).id == first.id


async def test_a_provider_is_found_by_id_or_name(world: World) -> None:
    provider = await world.add_provider()
    for ref in (provider.id, str(provider.id), "scripted"):
        assert (await world.control.get_provider(ref)).provider == provider
    for ref in (ProviderId(UUID(int=1)), str(UUID(int=1)), "nobody"):
        with pytest.raises(ProviderNotFound):
            await world.control.get_provider(ref)


async def test_providers_are_listed_by_what_is_asked_for(world: World) -> None:
    await world.add_provider(max_workers=1)
    await world.control.register_provider(NewProvider(name="docker", type=ProviderType.DOCKER))
    await world.control.disable_provider("docker")
    await world.submit()
    await world.settle()
    views = await world.control.list_providers()
    assert [(v.provider.name, v.active_workers) for v in views] == [("docker", 0), ("scripted", 1)]
    by_type = await world.control.list_providers(type=ProviderType.DOCKER)
    by_status = await world.control.list_providers(status=ProviderStatus.DISABLED)
    assert [v.provider.name for v in by_type] == [v.provider.name for v in by_status] == ["docker"]
    assert await world.control.list_providers(only_with_capacity=True) == []


async def test_sums_over_all_providers(world: World) -> None:
    assert (await world.control.provider_stats()).utilization_percent == 0.0
    await world.add_provider(max_workers=4)
    await world.add_provider("off", max_workers=100)
    await world.control.disable_provider("off")
    await world.submit()
    await world.settle()
    stats = await world.control.provider_stats()
    assert (stats.total, stats.enabled, stats.with_capacity) == (2, 1, 1)
    assert (stats.max_workers, stats.active_workers, stats.utilization_percent) == (4, 1, 25.0)


async def test_a_changed_limit_is_used_at_once(world: World) -> None:
    await world.add_provider(max_workers=1)
    for _ in range(2):
        await world.submit()
    await world.settle()
    await world.control.update_provider("scripted", {"max_workers": 2})
    await world.settle()
    assert len(world.provider.made) == 2
    unchanged = await world.control.update_provider("scripted", {"max_workers": 2})
    assert unchanged.max_workers == 2
    with pytest.raises(InvalidInput):
        await world.control.update_provider("scripted", {"colour": "red"})


async def test_a_disabled_provider_makes_nothing_until_it_is_enabled(world: World) -> None:
    await world.add_provider()
    await world.control.disable_provider("scripted")
    job = await world.submit()
    await world.settle()
    assert world.provider.made == {}
    assert [r.reason for r in await world.control.why_pending(job.id)][1:] == ["is disabled"]
    await world.control.enable_provider("scripted")
    await world.settle()
    assert (await world.job(job.id)).state is JobState.SCHEDULED


async def busy_and_idle(world: World) -> tuple[Job, WorkerId, WorkerId]:
    """A provider with a busy and an idle worker: the job of the one, and both."""
    await world.add_provider(pool=PoolRules(min_idle=1))
    job = await world.submit()
    await world.settle()
    await world.settle()
    busy = (await world.job(job.id)).worker_id
    [idle] = [worker.id for worker in await world.live() if worker.id != busy]
    assert busy is not None
    return job, busy, idle


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "is disabled"),
        ({"status": ProviderStatus.MAINTENANCE}, "is in maintenance"),
        ({"switched_off": "HODEI_PROCESS_ENABLED"}, "is switched off by HODEI_PROCESS_ENABLED on its server"),
    ],
)
async def test_what_is_out_of_use_takes_no_new_job_its_idle_workers_go_and_busy_ones_after_their_job(
    world: World, settings: dict[str, object], why: str
) -> None:
    job, busy, idle = await busy_and_idle(world)
    if settings:
        await world.control.update_provider("scripted", settings)
    else:
        await world.control.disable_provider("scripted")
    waiting = await world.submit()
    await world.settle()
    assert (await world.job(waiting.id)).state is JobState.PENDING
    [summary, reason] = await world.control.why_pending(waiting.id)
    assert (summary.lasting, reason.reason) == (True, why)
    assert (await world.worker(idle)).state is WorkerState.TERMINATED
    assert (await world.worker(busy)).state is WorkerState.DRAINING
    agent = world.agents[busy]
    await agent.start(agent.jobs[-1])
    await agent.finish(agent.jobs[-1])
    await world.settle()
    assert (await world.job(job.id)).state is JobState.SUCCEEDED
    assert (await world.job(waiting.id)).state is JobState.PENDING
    assert await world.live() == []


async def test_jobs_are_served_elsewhere_while_a_provider_is_out_of_use(world: World) -> None:
    await busy_and_idle(world)
    await world.add_provider("other")
    await world.control.disable_provider("scripted")
    job = await world.submit()
    await world.settle()
    taken = await world.job(job.id)
    assert taken.worker_id is not None
    assert (await world.worker(taken.worker_id)).provider_id != (
        await world.control.get_provider("scripted")
    ).provider.id


async def test_what_its_own_server_switched_off_cannot_be_enabled_and_says_so(world: World) -> None:
    await world.add_provider()
    await world.control.update_provider("scripted", {"switched_off": "HODEI_PROCESS_ENABLED"})
    with pytest.raises(ProviderSwitchedOff, match="HODEI_PROCESS_ENABLED"):
        await world.control.enable_provider("scripted")
    health = await world.control.provider_health("scripted")
    assert (health.healthy, health.message) == (
        False,
        "is switched off by HODEI_PROCESS_ENABLED on its server",
    )
    [off] = await world.control.list_providers(status=ProviderStatus.DISABLED)
    assert off.provider.name == "scripted"
    await world.control.update_provider("scripted", {"switched_off": ""})
    job = await world.submit()
    await world.settle()
    assert (await world.job(job.id)).state is JobState.SCHEDULED


async def test_a_provider_with_workers_is_not_deleted(world: World) -> None:
    provider = await world.add_provider()
    await world.submit()
    await world.settle()
    with pytest.raises(ProviderInUse):
        await world.control.delete_provider("scripted")
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0])
    await world.control.terminate_worker(agent.worker_id)
    await world.settle()
    await world.control.delete_provider(provider.id)
    assert await world.control.list_providers() == []
    assert (await world.events(provider.id))[-1] == "ProviderRemoved"


async def test_health_is_asked_of_the_engine_and_kept(world: World) -> None:
    await world.add_provider()
    well = await world.control.provider_health("scripted")
    assert (well.healthy, well.provider.status) == (True, ProviderStatus.ACTIVE)
    version = well.provider.version
    assert (await world.control.provider_health("scripted")).provider.version == version
    world.provider.outage = "connection refused"
    ill = await world.control.provider_health("scripted")
    assert (ill.healthy, ill.message) == (False, "connection refused")
    assert ill.provider.status is ProviderStatus.DEGRADED


async def test_a_provider_without_a_plugin_here_is_not_healthy(world: World) -> None:
    await world.control.register_provider(NewProvider(name="docker", type=ProviderType.DOCKER))
    health = await world.control.provider_health("docker")
    assert (health.healthy, health.message) == (False, "is not available on this control plane")


async def test_a_probe_is_answered_whatever_happens(caplog: pytest.LogCaptureFixture) -> None:

    async def hang() -> Health:
        await asyncio.Event().wait()
        raise AssertionError

    async def refuse() -> Health:
        raise ProviderUnavailable("refused")

    async def bug() -> Health:
        raise RuntimeError("bug")

    assert (await probe(hang, timedelta(milliseconds=1))).message == "did not answer within 0.001 s"
    assert (await probe(refuse)).message == "refused"
    assert (await probe(bug)).message == "its health check failed: RuntimeError"


async def test_a_plugin_that_refuses_its_configuration_refuses_the_provider(world: World) -> None:
    def refuse(provider: Provider) -> None:
        if provider.config.get("bad"):
            raise InvalidInput("is bad", field="config")

    landscape = world.control.engine.landscape
    landscape.make = refuse
    provider = await world.add_provider()
    landscape.learn([evolve(provider, config={"bad": 1}, version=9)])
    assert landscape.plugin(provider.id) is None
    assert landscape.plugin(None) is None
    assert landscape.plugin(ProviderId(UUID(int=1))) is None


async def test_a_plugin_is_made_anew_when_its_configuration_changes(world: World) -> None:
    provider = await world.add_provider()
    landscape = world.control.engine.landscape
    first = landscape.plugin(provider.id)
    assert landscape.plugin(provider.id) is first
    await world.control.update_provider(provider.id, {"config": {"socket": "/x"}})
    assert landscape.plugin(provider.id) is not first


async def test_of_two_servers_that_bring_the_same_provider_along_neither_fails(world: World) -> None:
    new = NewProvider(name="process", type=ProviderType.BARE_METAL)
    ids = await asyncio.gather(world.control.ensure_provider(new), world.replica("two").ensure_provider(new))
    assert ids[0].id == ids[1].id


async def test_a_provider_that_is_well_is_told_to_be_checked_from_time_to_time(world: World) -> None:
    provider = await world.add_provider()
    seen = []
    for _ in range(5):
        seen.append((await world.control.provider_health(provider.id)).checked_at)
        world.clock.advance(timedelta(seconds=100))
    assert len(set(seen)) == 2  # not at each probe
    assert seen[-1] - seen[0] >= timedelta(minutes=5)
