"""Providers, as clients see them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from hodei_application.providers import register_provider as application
from hodei_application.providers.price_provider import Price
from hodei_domain.kernel.checks import check_text
from hodei_domain.kernel.errors import InvalidInput, renaming
from hodei_domain.kernel.ids import ProviderId, parse_provider_id
from hodei_domain.providers import pools as domain
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.provider import Provider, ProviderStatus, ProviderType
from hodei_domain.workers.state import GOING, STARTING, WorkerState
from hodei_domain.workers.worker import Worker
from msgspec import UNSET

from hodei_rest.convert.specs import from_resources, named, to_ms, to_resources
from hodei_rest.schemas import providers as schema

_SECRET = re.compile(r"token|secret|password|passwd|credential|private|api_?key|access_?key", re.IGNORECASE)
_URL_SECRET = re.compile(r"(://[^/@\s:]*:)[^/@\s]+@")
_RULES = ("max_workers", "min_idle", "max_jobs")
_RULE_TIMES = ("idle_ttl", "max_lifetime", "drain_within")
_TAKEN_AS_THEY_ARE = (
    "name",
    "priority",
    "max_workers",
    "metadata",
    "region",
    "labels",
    "cost_per_hour",
)
_LONGEST_NAME = 128


def to_ref(text: str) -> ProviderId | str:
    """A provider's id, or else its name. Raise InvalidInput if no name could be like it."""
    check_text(text, "provider", _LONGEST_NAME)
    try:
        return parse_provider_id(text)
    except InvalidInput:
        return text


def about(kind: ProviderType) -> AbstractContextManager[None]:
    """Refusals of the domain and of plugins, told with the field's path in the request."""

    def path(field: str) -> str:
        head, dot, rest = field.partition(".")
        return ("config" if head == _key(kind) else head) + dot + rest

    return renaming(path)


def to_new(told: schema.NewProvider) -> application.NewProvider:
    """Read a new provider. Raise InvalidInput."""
    type = ProviderType(told.type)
    return application.NewProvider(
        name=told.name,
        type=type,
        config={_key(type): told.config} if told.config else {},
        priority=told.priority,
        max_workers=told.max_workers,
        tags=tuple(told.tags),
        metadata=told.metadata,
        pool=_to_rules(told.pool, "pool"),
        pools=_to_pools(told.pools),
        region=told.region,
        labels=told.labels,
        cost_per_hour=told.cost_per_hour,
    )


def to_settings(told: schema.ProviderChanges, known: Provider) -> dict[str, Any]:
    """What update_provider takes. Raise InvalidInput."""
    settings: dict[str, Any] = {
        name: value for name in _TAKEN_AS_THEY_ARE if (value := getattr(told, name)) is not UNSET
    }
    if told.tags is not UNSET:
        settings["tags"] = tuple(told.tags)
    if told.status is not UNSET:
        settings["status"] = ProviderStatus(told.status)
    if told.pool is not UNSET:
        settings["pool"] = _to_rules(told.pool, "pool")
    if told.pools is not UNSET:
        settings["pools"] = _to_pools(told.pools)
    if told.config is not UNSET:
        settings["config"] = _merged(known, told.config)
    return settings


def _merged(known: Provider, told: Mapping[str, Any]) -> dict[str, Any]:
    """What the row knows besides, such as whose machine it is, stays."""
    key = _key(known.type)
    old = dict(known.config.get(key) or {})
    for name, value in told.items():
        if value is None:
            old.pop(name, None)
        elif value != _masked(name, old.get(name)) or name not in old:
            old[name] = value
    return {**known.config, key: old}


def _key(type: ProviderType) -> str:
    """Under which name a row keeps the settings of its type."""
    return type.value.lower()


def _to_rules(told: schema.PoolRules, field: str) -> domain.PoolRules:
    values: dict[str, Any] = {name: getattr(told, name) for name in _RULES}
    for name in _RULE_TIMES:
        ms = getattr(told, f"{name}_ms")
        values[name] = None if ms is None else timedelta(milliseconds=ms)
    with named(f"{field}."):
        return domain.PoolRules(**values)


def _to_pools(told: Iterable[schema.Pool]) -> tuple[domain.Pool, ...]:
    found = []
    for number, each in enumerate(told):
        at = f"pools[{number}]"
        rules = _to_rules(each.rules, f"{at}.rules")
        with named(f"{at}."):
            found.append(domain.Pool(image=each.image, resources=to_resources(each.resources), rules=rules))
    return tuple(found)


def from_provider(provider: Provider, workers: Iterable[Worker], price: Price | None) -> schema.Provider:
    """A provider, with what its workers do."""
    can = provider.offered
    return schema.Provider(
        id=str(provider.id),
        name=provider.name,
        type=provider.type.value,
        enabled=provider.enabled,
        status=provider.shown_status.value,
        health=from_health(provider),
        capabilities=from_capabilities(can),
        config=masked(provider.config.get(_key(provider.type)) or {}),
        host=str(provider.config.get("host", "")),
        priority=provider.priority,
        max_workers=provider.max_workers,
        workers=_counts(workers),
        cost=None if price is None else schema.Cost(per_hour=price.per_hour, startup_ms=to_ms(price.startup)),
        pool=_from_rules(provider.pool),
        pools=[
            schema.Pool(
                image=pool.image, resources=from_resources(pool.resources), rules=_from_rules(pool.rules)
            )
            for pool in provider.pools
        ],
        tags=list(provider.tags),
        metadata=dict(provider.metadata),
        labels=dict(can.labels),
        region=", ".join(sorted(can.regions)),
        own=schema.Placement(
            region=provider.region, labels=dict(provider.labels), cost_per_hour=provider.cost_per_hour
        ),
        created_at=provider.created_at,
        updated_at=provider.updated_at,
    )


def from_health(provider: Provider) -> schema.ProviderHealth:
    """How it does, as far as is known."""
    return schema.ProviderHealth(
        status=provider.shown_status.value,
        healthy=provider.failures == 0 and not provider.switched_off,
        reason=provider.note,
        checked_at=provider.checked_at,
    )


def from_capabilities(can: Capabilities) -> schema.Capabilities:
    """What it can give to a job."""
    return schema.Capabilities(
        max_resources=from_resources(can.max_resources),
        gpu=can.gpu,
        gpu_types=sorted(can.gpu_types),
        architectures=sorted(can.architectures),
        images=can.images,
        regions=sorted(can.regions),
        labels=dict(can.labels),
        max_execution_ms=None if can.max_execution is None else to_ms(can.max_execution),
    )


def _counts(workers: Iterable[Worker]) -> schema.WorkerCounts:
    states = Counter(worker.state for worker in workers)
    return schema.WorkerCounts(
        total=states.total(),
        idle=states[WorkerState.READY],
        busy=states[WorkerState.BUSY] + states[WorkerState.DRAINING],
        starting=sum(states[state] for state in STARTING),
        going=sum(states[state] for state in GOING),
    )


def _from_rules(rules: domain.PoolRules) -> schema.PoolRules:
    times = {name: getattr(rules, name) for name in _RULE_TIMES}
    return schema.PoolRules(
        **{name: getattr(rules, name) for name in _RULES},
        **{f"{name}_ms": None if time is None else to_ms(time) for name, time in times.items()},
    )


def masked(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without what is secret."""
    return {name: _masked(name, value) for name, value in config.items()}


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return masked(value)
    if _SECRET.search(name):
        return schema.MASK
    if isinstance(value, str):
        return _URL_SECRET.sub(rf"\1{schema.MASK}@", value)
    return value
