from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hodei_domain.kernel.demand import ANY, DemandClass
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.kernel.values import Capacity
from hodei_domain.scheduling.choose import ProviderStrategy, WorkerStrategy, rank_providers, rank_workers
from hodei_domain.scheduling.offers import ProviderOffer, WorkerOffer
from hodei_domain.testing.making import MINUTE, T0

ALPINE = DemandClass(image="alpine:3.20")


def worker(number: int, **fields: Any) -> WorkerOffer:
    return WorkerOffer(worker_id=WorkerId(UUID(int=number)), **fields)


def provider(name: str, **fields: Any) -> ProviderOffer:
    return ProviderOffer(provider_id=ProviderId(UUID(int=ord(name))), name=name, **fields)


WORKERS = [
    worker(
        1, idle_since=T0 + MINUTE, load=0.9, capacity=Capacity(cpu_cores=2), images=frozenset({"alpine:3.20"})
    ),
    worker(2, idle_since=T0, load=0.5, capacity=Capacity(cpu_cores=8), made_for="x"),
    worker(3, load=0.5, jobs_done=7, capacity=Capacity(cpu_cores=2, memory_mib=9), made_for=ALPINE.key),
]


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        (WorkerStrategy.FIRST_AVAILABLE, [2, 1, 3]),
        (WorkerStrategy.LEAST_LOADED, [2, 3, 1]),
        (WorkerStrategy.MOST_CAPACITY, [2, 3, 1]),
        (WorkerStrategy.AFFINITY, [3, 1, 2]),
        (WorkerStrategy.ROUND_ROBIN, [2, 3, 1]),
    ],
)
def test_each_worker_strategy_has_its_order(strategy: WorkerStrategy, order: list[int]) -> None:
    ranked = rank_workers(strategy, WORKERS[::-1], ALPINE, turn=4)
    assert [each.offer.worker_id.int for each in ranked] == order
    assert [each.score for each in ranked] == sorted((each.score for each in ranked), reverse=True)
    assert ranked[0].score == 1.0
    assert all(each.reasons[0] for each in ranked)


PROVIDERS = [
    provider("a", startup_time=timedelta(seconds=9), cost_per_hour=0.2, live_workers=9, failures=1),
    provider("b", startup_time=timedelta(seconds=1), cost_per_hour=0.3, live_workers=2, failures=2),
    provider("c", startup_time=timedelta(seconds=5), cost_per_hour=0.1, live_workers=1, failures=0),
]


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        (ProviderStrategy.FIRST_AVAILABLE, "abc"),
        (ProviderStrategy.LOWEST_COST, "cab"),
        (ProviderStrategy.FASTEST_STARTUP, "bca"),
        (ProviderStrategy.MOST_CAPACITY, "cba"),
        (ProviderStrategy.HEALTHIEST, "cab"),
        (ProviderStrategy.ROUND_ROBIN, "bca"),
    ],
)
def test_each_provider_strategy_has_its_order(strategy: ProviderStrategy, order: str) -> None:
    ranked = rank_providers(strategy, PROVIDERS[::-1], ANY, turn=1)
    assert "".join(each.offer.name for each in ranked) == order
    assert ranked[0].score == 1.0
    assert all(each.reasons[0] for each in ranked)


def test_round_robin_visits_all_in_turn() -> None:
    first = [
        rank_workers(WorkerStrategy.ROUND_ROBIN, WORKERS, ANY, turn)[0].offer.worker_id.int
        for turn in range(6)
    ]
    assert first == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize("strategy", ProviderStrategy)
def test_priority_and_the_jobs_wish_come_before_the_strategy(strategy: ProviderStrategy) -> None:
    important = provider("z", priority=5, startup_time=timedelta(hours=1), cost_per_hour=99.0, failures=2)
    assert rank_providers(strategy, [*PROVIDERS, important], ANY)[0].offer.name == "z"
    wished = rank_providers(strategy, [*PROVIDERS, important], DemandClass(provider="a"))
    assert [each.offer.name for each in wished[:2]] == ["a", "z"]


def test_nobody_to_choose_from_is_no_error() -> None:
    assert all(rank_workers(strategy, [], ANY, 3) == [] for strategy in WorkerStrategy)
    assert all(rank_providers(strategy, [], ANY, 3) == [] for strategy in ProviderStrategy)
