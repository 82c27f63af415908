import json
from datetime import timedelta
from typing import Any

import pytest
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.scheduling.choose import ProviderStrategy, WorkerStrategy
from hodei_domain.scheduling.config import SchedulerConfig, parse_provider_strategy, parse_worker_strategy


def test_the_default_strategies_are_those_of_the_specification() -> None:
    config = SchedulerConfig()
    assert config.worker_strategy is WorkerStrategy.FIRST_AVAILABLE
    assert config.provider_strategy is ProviderStrategy.FASTEST_STARTUP
    assert config.preemption_enabled is False


def test_a_configuration_goes_through_json() -> None:
    config = SchedulerConfig(
        worker_strategy=WorkerStrategy.AFFINITY, requeue_delay=timedelta(milliseconds=1500), max_jobs=1
    )
    assert SchedulerConfig().with_json(json.loads(json.dumps(config.to_json()))) == config


def test_what_is_not_named_stays() -> None:
    config = SchedulerConfig(max_jobs=1).with_json({"min_idle": 2, "provider_strategy": "lowest_cost"})
    assert (config.max_jobs, config.min_idle) == (1, 2)
    assert config.provider_strategy is ProviderStrategy.LOWEST_COST


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"colour": "red"}, "config"),
        ({"worker_strategy": "Best"}, "worker_strategy"),
        ({"provider_strategy": "Best"}, "provider_strategy"),
        ({"idle_ttl": "soon"}, "idle_ttl"),
        ({"idle_ttl": 1e300}, "idle_ttl"),
        ({"promote_after": 0}, "promote_after"),
        ({"min_idle": -1}, "min_idle"),
        ({"register_within": 0.001}, "register_within"),
        ({"register_within": 4.9}, "register_within"),
        ({"register_within": 3601}, "register_within"),
        ({"promote_after": 0.5}, "promote_after"),
        ({"promote_after": 86_401}, "promote_after"),
        ({"max_lifetime": 9}, "max_lifetime"),
        ({"max_lifetime": 367 * 86_400}, "max_lifetime"),
        ({"requeue_delay": -1}, "requeue_delay"),
        ({"requeue_delay": 3601}, "requeue_delay"),
        ({"idle_ttl": -1}, "idle_ttl"),
        ({"idle_ttl": 31 * 86_400}, "idle_ttl"),
        ({"min_idle": 10_001}, "min_idle"),
        ({"max_jobs": -1}, "max_jobs"),
        ({"create_batch": 1001}, "create_batch"),
        ({"create_batch": 0}, "create_batch"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(document: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SchedulerConfig().with_json(document)
    assert caught.value.field == field


def test_strategies_are_read_however_they_are_written() -> None:
    assert parse_worker_strategy("least-loaded") is WorkerStrategy.LEAST_LOADED
    assert parse_worker_strategy("ROUND ROBIN") is WorkerStrategy.ROUND_ROBIN
    assert parse_provider_strategy("healthiest") is ProviderStrategy.HEALTHIEST
