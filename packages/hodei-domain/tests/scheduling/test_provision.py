from typing import Any
from uuid import UUID

from attrs import evolve
from hodei_domain.kernel.demand import ANY, DemandClass
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.kernel.values import Resources
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.scheduling.choose import ProviderStrategy
from hodei_domain.scheduling.offers import ProviderOffer, WorkerOffer
from hodei_domain.scheduling.provision import Plan, Waiting, plan_warm, plan_workers
from hodei_domain.scheduling.terms import WarmPool
from hodei_domain.testing.making import SECOND, T0
from hypothesis import given
from hypothesis import strategies as st

ALPINE = DemandClass(image="alpine:3.20")
IMAGES = Capabilities(images=True)


def provider(name: str, **fields: Any) -> ProviderOffer:
    return ProviderOffer(
        provider_id=ProviderId(UUID(int=ord(name))), name=name, **{"capabilities": IMAGES, **fields}
    )


def worker(number: int, demand: DemandClass = ANY, **fields: Any) -> WorkerOffer:
    return WorkerOffer(
        worker_id=WorkerId(UUID(int=number)), image=demand.image, made_for=demand.key, **fields
    )


def waiting(demand: DemandClass, count: int, *providers: ProviderOffer) -> Waiting:
    return Waiting(demand=demand, count=count, providers=providers)


def plan(entries: list[Waiting], coming: list[WorkerOffer], most: int = 100, **fields: Any) -> Plan:
    return plan_workers(entries, coming, now=T0, most=most, **fields)


def made(plan: Plan) -> list[tuple[str, str, int]]:
    return [(creation.demand.image, creation.provider, creation.count) for creation in plan.creations]


def test_each_unserved_job_gets_a_worker() -> None:
    found = plan([waiting(ALPINE, 3, provider("a"))], [])
    assert made(found) == [("alpine:3.20", "a", 3)]
    assert found.unserved == ()
    assert found.creations[0].score == 1.0


def test_idle_and_starting_workers_count() -> None:
    assert made(plan([waiting(ANY, 3, provider("a"))], [worker(1), worker(2)])) == [("", "a", 1)]
    enough = plan([waiting(ANY, 2, provider("a"))], [worker(1), worker(2), worker(3)])
    assert enough == Plan(needed=frozenset({worker(1).worker_id, worker(2).worker_id}))


def test_a_worker_counts_for_one_job_only() -> None:
    small = DemandClass(resources=Resources(cpu_cores=1))
    found = plan([waiting(small, 1, provider("a")), waiting(ANY, 1, provider("a"))], [worker(1, ANY)])
    assert [creation.demand for creation in found.creations] == [small], (
        "it is left to the class it was made for"
    )


def test_a_worker_that_fits_several_classes_is_used() -> None:
    small = DemandClass(resources=Resources(cpu_cores=1))
    found = plan([waiting(small, 1, provider("a"))], [worker(1, ANY)])
    assert found == Plan(needed=frozenset({worker(1).worker_id}))


def test_a_full_provider_passes_the_rest_on() -> None:
    first, second = provider("a", max_workers=5, live_workers=3), provider("b", max_workers=1)
    found = plan([waiting(ANY, 4, first, second)], [], strategy=ProviderStrategy.FIRST_AVAILABLE)
    assert made(found) == [("", "a", 2), ("", "b", 1)]
    [left] = found.unserved
    assert left.count == 1
    assert left.reasons == {"a": "is at its limit of 5 workers", "b": "is at its limit of 1 workers"}


def test_what_one_class_takes_is_gone_for_the_next() -> None:
    one = provider("a", max_workers=3)
    found = plan([waiting(ALPINE, 2, one), waiting(ANY, 5, one)], [])
    assert made(found) == [("alpine:3.20", "a", 2), ("", "a", 1)]
    assert [left.count for left in found.unserved] == [4]


def test_a_round_makes_no_more_than_its_bound() -> None:
    found = plan([waiting(ANY, 50, provider("a", max_workers=100))], [], most=8)
    assert made(found) == [("", "a", 8)]
    assert [(left.count, left.reasons) for left in found.unserved] == [(42, {})]


def test_nobody_who_can_is_said_with_the_reasons() -> None:
    found = plan(
        [
            waiting(
                ALPINE,
                1,
                provider("p", capabilities=Capabilities()),
                provider("q", out_of_use="is disabled", takes_work=False),
            )
        ],
        [],
    )
    assert found.creations == ()
    assert found.unserved[0].reasons == {"p": "runs no images", "q": "is disabled"}


def test_a_preferred_provider_is_waited_for_while_it_could_serve() -> None:
    wanted = DemandClass(preferred_provider="a")
    full, other = provider("a", max_workers=0), provider("b")
    assert made(plan([waiting(wanted, 1, full, other)], [])) == []
    gone = provider("a", out_of_use="is disabled", takes_work=False)
    assert made(plan([waiting(wanted, 1, gone, other)], [])) == [("", "b", 1)]


def test_a_required_provider_that_cannot_serve_is_never_replaced() -> None:
    wanted = DemandClass(provider="a")
    gone, other = provider("a", out_of_use="is disabled", takes_work=False), provider("b")
    found = plan([waiting(wanted, 1, gone, other)], [worker(1, provider="b")])
    assert made(found) == []
    assert [left.reasons for left in found.unserved] == [
        {"a": "is disabled", "b": "the job wants provider a"},
    ]


def test_round_robin_goes_on_with_each_creation() -> None:
    providers = [provider("a"), provider("b")]
    found = plan(
        [waiting(ANY, 1, *providers), waiting(ALPINE, 1, *providers)],
        [],
        strategy=ProviderStrategy.ROUND_ROBIN,
    )
    assert [creation.provider for creation in found.creations] == ["a", "b"]


def warm(
    name: str, min_idle: int, demand: DemandClass = ANY, **fields: Any
) -> tuple[WarmPool, ProviderOffer]:
    key = (demand.image, demand.resources)
    pool = WarmPool(provider=name, demand=demand, min_idle=min_idle)
    return pool, provider(name, pool=key, **fields)


def test_warm_workers_are_kept_idle_at_each_provider() -> None:
    coming = [worker(1, provider="a"), worker(2, ALPINE, provider="a")]
    closed = [
        warm("c", 2, out_of_use="is disabled"),
        warm("d", 2, max_workers=0),
        warm("e", 2, has_plugin=False),
    ]
    found = plan_warm([warm("a", 2), warm("b", 2, max_workers=1), *closed], coming, now=T0)
    assert made(found) == [("", "a", 1), ("", "b", 1)]
    assert found.needed == {worker(1).worker_id}
    assert plan_warm([warm("a", 1)], coming, now=T0).creations == ()


def test_warm_workers_are_kept_for_a_named_image() -> None:
    coming = [worker(1, provider="a"), worker(2, ALPINE, provider="a"), worker(3, ALPINE, provider="b")]
    found = plan_warm([warm("a", 3, ALPINE), warm("a", 1)], coming, now=T0)
    assert made(found) == [("alpine:3.20", "a", 2)]


def test_warm_pools_share_their_providers_limit() -> None:
    pools = [warm("a", 3, ALPINE, max_workers=4), warm("a", 3, max_workers=4)]
    assert made(plan_warm(pools, [], now=T0)) == [("alpine:3.20", "a", 3), ("", "a", 1)]
    narrow = [warm("a", 3, ALPINE, pool_max=3, pool_live=2)]
    assert made(plan_warm(narrow, [], now=T0)) == [("alpine:3.20", "a", 1)]


def test_a_worker_counts_for_one_warm_pool_only_and_first_for_its_own() -> None:
    big = DemandClass(resources=Resources(cpu_cores=8))
    coming = [worker(1, big, provider="a", idle_since=T0)]
    assert made(plan_warm([warm("a", 1), warm("a", 1, big)], coming, now=T0)) == [("", "a", 1)]
    assert made(plan_warm([warm("a", 1)], coming, now=T0)) == []


def test_those_idle_last_are_kept_before_those_that_start() -> None:
    young, old = (worker(n, provider="a", idle_since=T0 + n * SECOND) for n in (2, 1))
    starting = worker(3, provider="a")
    assert plan_warm([warm("a", 1)], [old, starting, young], now=T0).needed == {young.worker_id}
    assert plan_warm([warm("a", 2)], [old, starting, young], now=T0).needed == {
        young.worker_id,
        old.worker_id,
    }


def test_a_full_pool_makes_no_more_though_its_provider_could() -> None:
    alpine = ("alpine:3.20", Resources())
    one = provider("a", pool=alpine, pool_max=3, pool_live=1)
    also = evolve(one, pool=("alpine:3.20", Resources()))
    found = plan([waiting(ALPINE, 5, one), waiting(evolve(ALPINE, preferred_region="eu"), 1, also)], [])
    assert made(found) == [("alpine:3.20", "a", 2)]
    assert [left.reasons for left in found.unserved] == [
        {"a": "is at its limit of 3 workers for alpine:3.20"}
    ] * 2


def test_who_is_kept_from_a_class_by_limits_alone_is_told() -> None:
    full, away = (
        provider("a", max_workers=2, live_workers=2),
        provider("b", out_of_use="is disabled", takes_work=False),
    )
    resting = provider("c", max_workers=1, live_workers=1, retry_at=T0 + SECOND)
    found = plan([waiting(ANY, 3, full, away, resting, provider("d", pool_max=0))], [])
    assert [offer.name for offer in found.unserved[0].full] == ["a", "d"]


@given(
    st.lists(st.integers(0, 6), max_size=3),
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=3),
    st.integers(0, 10),
    st.sampled_from(ProviderStrategy),
)
def test_never_two_for_one_job_nor_beyond_any_limit(
    counts: list[int], idle: int, limits: list[tuple[int, int]], most: int, strategy: ProviderStrategy
) -> None:
    providers = [
        provider(name, max_workers=a, live_workers=b) for name, (a, b) in zip("abc", limits, strict=False)
    ]
    demands = [ANY, ALPINE, DemandClass(resources=Resources(cpu_cores=1))]
    entries = [waiting(demand, count, *providers) for demand, count in zip(demands, counts, strict=False)]
    found = plan(entries, [worker(number) for number in range(idle)], most=most, strategy=strategy)
    total = sum(creation.count for creation in found.creations)
    left = sum(unserved.count for unserved in found.unserved)
    assert total <= most
    assert sum(counts) - idle <= total + left <= sum(counts)
    for offer in providers:
        there = sum(creation.count for creation in found.creations if creation.provider == offer.name)
        assert there <= max(0, offer.max_workers - offer.live_workers)
    room = sum(max(0, offer.max_workers - offer.live_workers) for offer in providers)
    if left:
        assert total == min(most, room), "nobody is left out while there is room"
