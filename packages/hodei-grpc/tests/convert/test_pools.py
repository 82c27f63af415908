"""Pools of workers on the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.values import Resources
from hodei_domain.providers.pools import NO_RULES, Pool, PoolRules
from hodei_grpc.convert.pools import from_pool, from_rules, to_pools, to_rules
from hodei_proto.wire.hodei import providers as wire

RULES = PoolRules(
    max_workers=3,
    min_idle=0,
    idle_ttl=timedelta(0),
    max_lifetime=timedelta(hours=1),
    max_jobs=1,
    drain_within=timedelta(seconds=2.5),
)


@pytest.mark.parametrize(
    "pool",
    [
        Pool(image="alpine", rules=RULES),
        Pool(
            resources=Resources(cpu_cores=2, memory_mib=64, storage_mib=5, gpu=1, architecture="arm64"),
            rules=PoolRules(min_idle=1),
        ),
    ],
)
def test_a_pool_comes_back_as_it_was_said(pool: Pool) -> None:
    assert to_pools([wire.Pool.parse(bytes(from_pool(pool)))]) == (pool,)


def test_no_rules_are_nothing_on_the_wire_and_nothing_is_no_rules() -> None:
    assert from_rules(NO_RULES) is None
    assert to_rules(None) == to_rules(wire.PoolRules()) == NO_RULES


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"image": "a\0"}, "pools[0].image"),
        ({"rules": wire.PoolRules(max_workers=2**31)}, "pools[0].rules.max_workers"),
        ({"rules": wire.PoolRules(max_workers=1, min_idle=2)}, "pools[0].rules.min_idle"),
        ({"rules": wire.PoolRules(idle_ttl=timedelta(seconds=-1))}, "pools[0].rules.idle_ttl"),
        ({"rules": wire.PoolRules(max_lifetime=timedelta(0))}, "pools[0].rules.max_lifetime"),
        ({"resources": wire.PoolResources(memory_bytes=-1)}, "pools[0].resources.memory_bytes"),
        ({"resources": wire.PoolResources(gpu_count=2**20)}, "pools[0].resources.gpu_count"),
        ({"resources": wire.PoolResources(cpu_cores=-1)}, "pools[0].resources.cpu_cores"),
    ],
)
def test_a_refusal_names_the_field_as_it_is_called_on_the_wire(told: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        to_pools([wire.Pool(**told)])
    assert caught.value.field == field
    assert caught.value.message.startswith(f"{field}: ")


def test_the_same_pool_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="pools: has two entries"):
        to_pools([wire.Pool(image="a"), wire.Pool(image="a", resources=wire.PoolResources())])
