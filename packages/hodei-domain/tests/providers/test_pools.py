import json
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from hodei_domain.kernel.demand import ANY, DemandClass
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.values import PullPolicy, Resources
from hodei_domain.providers.pools import NO_RULES, Pool, PoolRules
from hodei_domain.providers.provider import Provider, ProviderType
from hodei_domain.scheduling.config import SchedulerConfig
from hodei_domain.scheduling.terms import ONE_JOB_IDLE, terms_of, warm_pools
from hodei_domain.testing.making import MINUTE, T0, new_provider_id

BIG = Resources(cpu_cores=8)
FULL = PoolRules(
    max_workers=4,
    min_idle=2,
    idle_ttl=MINUTE,
    max_lifetime=2 * MINUTE,
    max_jobs=3,
    drain_within=timedelta(seconds=1.5),
)
ALPINE = DemandClass(image="alpine")
BIG_ALPINE = DemandClass(image="alpine", resources=BIG)
CONFIG = SchedulerConfig(idle_ttl=7 * MINUTE, max_jobs=9, max_lifetime=8 * MINUTE)


def provider(**fields: Any) -> Provider:
    return Provider.register(new_provider_id(), "docker", ProviderType.DOCKER, at=T0, **fields).after


@pytest.mark.parametrize("pool", [Pool(), Pool(image="alpine", resources=BIG, rules=FULL)])
def test_a_pool_goes_through_json(pool: Pool) -> None:
    assert Pool.from_json(json.loads(json.dumps(pool.to_json()))) == pool


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "pools[0]"),
        ({"imago": "alpine"}, "pools[0]"),
        ({"image": 5}, "pools[0].image"),
        ({"resources": {"cpu_cores": -1}}, "pools[0].resources.cpu_cores"),
        ({"resources": {"cpus": 1}}, "pools[0].resources"),
        ({"resources": None}, "pools[0].resources"),
        ({"rules": {"max_workers": -1}}, "pools[0].rules.max_workers"),
        ({"rules": {"max_workers": True}}, "pools[0].rules.max_workers"),
        ({"rules": {"idle_ttl": "soon"}}, "pools[0].rules.idle_ttl"),
        ({"rules": {"max_lifetime": 0}}, "pools[0].rules.max_lifetime"),
        ({"rules": {"drain_within": -1}}, "pools[0].rules.drain_within"),
        ({"rules": {"max_workers": 1, "min_idle": 2}}, "pools[0].rules.min_idle"),
        ({"rules": {"most": 1}}, "pools[0].rules"),
    ],
)
def test_a_bad_pool_is_refused_by_the_fields_name(document: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Pool.from_json(document, "pools[0]")
    assert caught.value.field == field
    assert caught.value.message.startswith(f"{field}: ")


def test_the_narrowest_pool_holds_a_class_and_inherits_from_the_wider_ones() -> None:
    there = provider(
        pool=PoolRules(max_workers=9, max_jobs=5, min_idle=1),
        pools=(
            Pool(image="alpine", rules=PoolRules(max_workers=3, min_idle=2)),
            Pool(image="alpine", resources=BIG, rules=PoolRules(idle_ttl=MINUTE)),
        ),
    )
    wide, narrow = there.pool_for(ALPINE), there.pool_for(BIG_ALPINE)
    assert (wide.key, wide.rules) == (
        ("alpine", Resources()),
        PoolRules(max_workers=3, min_idle=2, max_jobs=5),
    )
    assert narrow.key == ("alpine", BIG)
    assert narrow.rules == PoolRules(max_workers=3, idle_ttl=MINUTE, max_jobs=5)
    assert there.pool_for(ANY).rules == PoolRules(max_workers=9, max_jobs=5, min_idle=1)
    assert there.pool_for(DemandClass(resources=BIG)).rules == PoolRules(max_workers=9, max_jobs=5)


def test_the_wishes_of_a_class_do_not_change_its_pool() -> None:
    there = provider()
    wishful = evolve(ALPINE, provider="docker", region="eu", pull=PullPolicy.ALWAYS)
    assert there.pool_for(wishful).key == there.pool_for(ALPINE).key


def test_terms_fall_back_to_the_scheduler() -> None:
    assert terms_of(None, ANY, CONFIG).idle_ttl == CONFIG.idle_ttl
    plain = terms_of(provider(), ALPINE, CONFIG)
    assert (plain.idle_ttl, plain.max_lifetime, plain.max_jobs, plain.drain_within) == (
        *(CONFIG.idle_ttl, CONFIG.max_lifetime, CONFIG.max_jobs),
        None,
    )
    ruled = terms_of(provider(pools=(Pool(image="alpine", rules=FULL),)), ALPINE, CONFIG)
    assert (ruled.idle_ttl, ruled.max_lifetime, ruled.max_jobs, ruled.drain_within) == (
        *(FULL.idle_ttl, FULL.max_lifetime, FULL.max_jobs, FULL.drain_within),
    )


def test_an_image_fetched_for_one_job_serves_one_job() -> None:
    terms = terms_of(provider(), evolve(ALPINE, pull=PullPolicy.ALWAYS), CONFIG)
    assert (terms.max_jobs, terms.idle_ttl) == (1, ONE_JOB_IDLE)


def test_idle_workers_are_kept_by_pool_and_those_of_all_in_the_default_one() -> None:
    def kept(**fields: Any) -> list[tuple[str, int]]:
        found = warm_pools(provider(**fields), evolve(CONFIG, min_idle=3))
        return [(warm.demand.image, warm.min_idle) for warm in found]

    assert kept() == [("", 3)]
    assert kept(pool=PoolRules(min_idle=0)) == []
    alpine = Pool(image="alpine", rules=PoolRules(min_idle=2))
    assert kept(pool=PoolRules(min_idle=1), pools=(alpine,)) == [("alpine", 2), ("", 1)]
    default = Pool(rules=PoolRules(min_idle=5))
    assert kept(pool=PoolRules(min_idle=1), pools=(default,)) == [("", 5)]


def test_pools_are_changed_one_by_one_and_end_without_rules() -> None:
    there = provider(pools=(Pool(image="a", rules=FULL), Pool(image="b", rules=FULL)))
    other = evolve(FULL, min_idle=0)
    changes = (Pool(image="a"), Pool(image="b", rules=other), Pool(image="c", rules=other))
    change = there.update(at=T0, pools=changes)
    assert change.after.pools == (Pool(image="b", rules=other), Pool(image="c", rules=other))
    [event] = change.events
    assert event.payload()["fields"] == ["pools"]
    assert there.update(at=T0, pools=(Pool(image="a", rules=FULL),)).is_same
    assert there.update(at=T0, pool=NO_RULES).is_same


@pytest.mark.parametrize(
    ("pools", "words"),
    [
        ((Pool(image="a", rules=FULL), Pool(image="a")), "two entries"),
        (["a"], "must be a Pool"),
        ([Pool(image=str(number)) for number in range(257)], "more than 256"),
    ],
)
def test_pools_that_cannot_be_are_refused(pools: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=f"pools.*{words}"):
        provider(pools=pools)
