"""Providers, pools and workers as operators see and steer them, over gRPC with real agents."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from hodei_grpc.client import CallFailed
from hodei_grpc.methods import ProviderManagementService, ProvidersProviderManagementService, WorkerService
from hodei_proto.wire import hodei as wire
from hodei_proto.wire.hodei import providers

pytestmark = [pytest.mark.postgres, pytest.mark.e2e]
Platform = Any  # of conftest.py

RULES = providers.PoolRules(idle_ttl=timedelta(minutes=3), max_jobs=7)
ALPINE = providers.Pool(image="alpine", rules=providers.PoolRules(max_workers=2))


async def provider(platform: Platform) -> providers.ProviderConfig:
    told = await platform.call(
        ProvidersProviderManagementService.list_providers, providers.ListProvidersRequest()
    )
    found: providers.ProviderConfig = next(each for each in told.providers if each.name == "process")
    return found


async def update(platform: Platform, **fields: Any) -> providers.ProviderConfig:
    asked = providers.ProviderConfig(id=(await provider(platform)).id, **fields)
    told = await platform.call(
        ProvidersProviderManagementService.update_provider, providers.UpdateProviderRequest(provider=asked)
    )
    found: providers.ProviderConfig = told.provider
    return found


async def test_the_rules_of_pools_are_kept_until_they_are_changed(platform: Platform) -> None:
    told = await update(platform, pool=RULES, pools=[ALPINE])
    assert (told.pool, told.pools) == (RULES, [ALPINE])
    told = await update(platform, max_workers=3)
    assert (told.pool, told.pools, told.max_workers) == (RULES, [ALPINE], 3)
    told = await update(platform, pool=providers.PoolRules(), pools=[providers.Pool(image="alpine")])
    assert (told.pool, told.pools) == (None, [])


async def test_a_bad_rule_is_refused_by_the_fields_name(platform: Platform) -> None:
    asked = providers.RegisterProviderRequest(
        name="x",
        provider_type=providers.ProviderType.TEST,
        pools=[providers.Pool(rules=providers.PoolRules(max_jobs=2**32 - 1))],
    )
    with pytest.raises(CallFailed) as caught:
        await platform.call(ProvidersProviderManagementService.register_provider, asked)
    assert caught.value.status is grpc.StatusCode.INVALID_ARGUMENT
    assert "pools[0].rules.max_jobs" in str(caught.value)
    with pytest.raises(CallFailed, match=r"provider\.pool\.min_idle"):
        await update(platform, pool=providers.PoolRules(min_idle=10_001))


@pytest.mark.parametrize("type", [t for t in providers.ProviderType if t.name not in ("DOCKER",)])
async def test_a_provider_that_nothing_could_drive_is_refused(
    platform: Platform, type: providers.ProviderType
) -> None:
    asked = providers.RegisterProviderRequest(name="x", provider_type=type)
    with pytest.raises(CallFailed) as caught:
        await platform.call(ProvidersProviderManagementService.register_provider, asked)
    assert caught.value.status is grpc.StatusCode.INVALID_ARGUMENT
    assert "provider_type" in str(caught.value)
    if type is not providers.ProviderType.UNSPECIFIED:
        assert "DOCKER can be registered" in str(caught.value)


async def running_worker(platform: Platform) -> tuple[str, wire.WorkerView]:
    job = await platform.queue("sleep", "60")
    told = await platform.until(job, "RUNNING")
    found = await platform.call(WorkerService.get_worker, wire.GetWorkerRequest(worker_id=told.worker_id))
    return job, found.worker


async def test_a_worker_tells_of_its_pool_and_what_its_agent_wrote(platform: Platform) -> None:
    await update(platform, pool=RULES)
    _, worker = await running_worker(platform)
    assert (worker.max_jobs, worker.image) == (7, "")
    assert worker.replaced_at is not None
    assert worker.created_at is not None
    assert worker.replaced_at - worker.created_at == timedelta(days=1)
    told = await platform.call(
        WorkerService.get_worker_logs, wire.GetWorkerLogsRequest(worker_id=worker.id, tail_lines=5)
    )
    assert len(told.lines) <= 5
    assert told.truncated is False


async def test_a_worker_that_is_ended_leaves_its_job_to_the_next(platform: Platform) -> None:
    job, worker = await running_worker(platform)
    asked = wire.TerminateWorkerRequest(worker_id=worker.id, reason="it hangs")
    told = await platform.call(WorkerService.terminate_worker, asked)
    assert (told.lost_job_id, told.worker.reason) == (job, "it hangs")
    again = await platform.call(WorkerService.terminate_worker, asked)
    assert again.lost_job_id == ""
    async with asyncio.timeout(30):
        while (found := await platform.until(job, "RUNNING")).worker_id == worker.id:
            pass
    assert found.attempt == 2


async def test_garbage_is_told_of(platform: Platform) -> None:
    await running_worker(platform)
    told = await platform.call(
        ProviderManagementService.collect_garbage, wire.CollectGarbageRequest(dry_run=True)
    )
    assert (told.orphans, told.unreached) == ([], [])
