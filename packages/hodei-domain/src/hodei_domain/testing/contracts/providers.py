"""What a store of providers promises."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from hodei_domain.kernel.change import Change, same
from hodei_domain.kernel.values import Resources
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import (
    ProviderAlreadyExists,
    ProviderChangedMeanwhile,
    ProviderInUse,
    ProviderNotFound,
)
from hodei_domain.providers.pools import Pool, PoolRules
from hodei_domain.providers.provider import Provider, ProviderType
from hodei_domain.testing.contracts.base import StoreContract, outcomes
from hodei_domain.testing.making import MINUTE, T0, new_provider_id, new_worker, read_worker, save_workers
from hodei_domain.testing.stores import Begin

FULL = Capabilities(
    max_resources=Resources(cpu_cores=8, memory_mib=16_384, storage_mib=1, gpu=2, architecture=""),
    gpu=True,
    gpu_types=["a100"],
    architectures=frozenset({"amd64", "arm64"}),
    images=True,
    regions=["eu"],
    labels={"zone": "a"},
    max_execution=timedelta(hours=6),
)


def registered(name: str) -> Change[Provider]:
    """A new provider."""
    return Provider.register(
        new_provider_id(),
        name,
        ProviderType.DOCKER,
        at=T0,
        priority=3,
        max_workers=7,
        capabilities=FULL,
        tags=("a", "b"),
        metadata={"m": "1"},
        pool=PoolRules(min_idle=1, idle_ttl=timedelta(minutes=3)),
        pools=[Pool(image="alpine", resources=Resources(cpu_cores=2), rules=PoolRules(max_workers=3))],
        config={"socket_path": "/run/x.sock", "dns": ["1.1.1.1"], "nested": {"deep": True}},
    )


async def save(begin: Begin, *changes: Change[Provider]) -> list[Provider]:
    """Save them in one transaction."""
    async with begin() as tx:
        await tx.providers.save(changes)
    return [change.after for change in changes]


class ProviderStoreContract(StoreContract):
    """ProviderStore."""

    async def test_a_provider_reads_back_after_each_move(self, begin: Begin) -> None:
        [provider] = await save(begin, registered("docker"))
        moves: list[Callable[[Provider], Change[Provider]]] = [
            lambda p: p.report_health(False, "no socket", at=T0),
            lambda p: p.disable(at=T0),
            lambda p: p.enable(at=T0),
            lambda p: p.update(at=T0, name="docker-2", config={}),
            lambda p: p.update(at=T0, pool=PoolRules(), pools=[Pool(rules=PoolRules(drain_within=MINUTE))]),
        ]
        for move in moves:
            [provider] = await save(begin, move(provider))
            async with begin() as tx:
                assert await tx.providers.get(provider.id) == provider
                assert await tx.providers.by_name(provider.name) == provider

    async def test_unknown_ones_are_not_found(self, begin: Begin) -> None:
        async with begin() as tx:
            with pytest.raises(ProviderNotFound):
                await tx.providers.get(new_provider_id())
            assert await tx.providers.by_name("nobody") is None
            assert await tx.providers.list_all() == []

    async def test_all_are_listed_by_name(self, begin: Begin) -> None:
        await save(begin, registered("b"), registered("a"), registered("c"))
        async with begin() as tx:
            assert [provider.name for provider in await tx.providers.list_all()] == ["a", "b", "c"]

    async def test_of_two_saves_from_one_read_the_second_loses(self, begin: Begin) -> None:
        [provider] = await save(begin, registered("x"))
        await save(begin, provider.disable(at=T0))
        with pytest.raises(ProviderChangedMeanwhile):
            await save(begin, provider.update(at=T0, priority=9))
        await save(begin, same(provider))

    async def test_a_name_belongs_to_one(self, begin: Begin) -> None:
        found = await outcomes(*(save(begin, registered("x")) for _ in range(3)))
        assert sum(isinstance(outcome, ProviderAlreadyExists) for outcome in found) == 2
        [other] = await save(begin, registered("y"))
        with pytest.raises(ProviderAlreadyExists):
            await save(begin, other.update(at=T0, name="x"))

    async def test_the_events_are_written_without_the_configuration(self, begin: Begin) -> None:
        [provider] = await save(begin, registered("x"))
        await save(begin, provider.update(at=T0, config={"password": "hunter2"}))
        async with begin() as tx:
            records = await tx.audit.by_correlation(str(provider.id))
        assert [record.event_type for record in records] == ["ProviderRegistered", "ProviderUpdated"]
        assert "hunter2" not in str(records)

    async def test_a_provider_is_forgotten_once_its_workers_are_gone(self, begin: Begin) -> None:
        [provider] = await save(begin, registered("x"))
        [worker] = await save_workers(begin, new_worker(provider_id=provider.id))
        with pytest.raises(ProviderInUse):
            async with begin() as tx:
                await tx.providers.delete(provider.id, provider.removed(at=T0))
        worker = await read_worker(begin, worker.id)
        await save_workers(begin, worker.ended(at=T0))
        async with begin() as tx:
            await tx.providers.delete(provider.id, provider.removed(at=T0))
        async with begin() as tx:
            assert await tx.providers.by_name("x") is None
            assert (await tx.audit.by_correlation(str(provider.id)))[-1].event_type == "ProviderRemoved"
            with pytest.raises(ProviderNotFound):
                await tx.providers.delete(provider.id, provider.removed(at=T0))
