"""Pools of workers and their rules, on the wire."""

from collections.abc import Iterable
from typing import Any

from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.values import UNASKED, Resources
from hodei_domain.providers.pools import NO_RULES, Pool, PoolRules, under
from hodei_proto.wire.hodei import providers as wire

from hodei_grpc.convert.submissions import MIB, mib

_RULES = ("max_workers", "min_idle", "idle_ttl", "max_lifetime", "max_jobs", "drain_within")
_NAMES = {"memory_mib": "memory_bytes", "storage_mib": "disk_bytes", "gpu": "gpu_count"}


def to_rules(told: wire.PoolRules | None, field: str = "pool") -> PoolRules:
    """Read rules; none are no rules. Raise InvalidInput, its field being the path in the message."""
    if told is None:
        return NO_RULES
    return under(field, lambda: PoolRules(**{name: getattr(told, name) for name in _RULES}))


def to_pools(told: Iterable[wire.Pool], field: str = "pools") -> tuple[Pool, ...]:
    """Read pools. Raise InvalidInput, its field being the path in the message, also for two that are one."""
    pools = tuple(_to_pool(each, f"{field}[{number}]") for number, each in enumerate(told))
    if len({pool.key for pool in pools}) < len(pools):
        raise InvalidInput("has two entries for the same image and resources", field=field)
    return pools


def _to_pool(told: wire.Pool, at: str) -> Pool:
    resources = UNASKED if told.resources is None else _to_resources(told.resources, f"{at}.resources")
    rules = to_rules(told.rules, f"{at}.rules")
    return under(at, lambda: Pool(image=told.image, resources=resources, rules=rules))


def _to_resources(told: wire.PoolResources, at: str) -> Resources:
    def read() -> Resources:
        return Resources(
            cpu_cores=told.cpu_cores,
            memory_mib=mib(told.memory_bytes, "memory_bytes"),
            storage_mib=mib(told.disk_bytes, "disk_bytes"),
            gpu=told.gpu_count,
            architecture=told.architecture,
        )

    return under(at, read, _NAMES)


def from_rules(rules: PoolRules) -> wire.PoolRules | None:
    """Rules for clients; nothing where there are none."""
    if rules == NO_RULES:
        return None
    said: dict[str, Any] = {name: getattr(rules, name) for name in _RULES}
    return wire.PoolRules(**said)


def from_pool(pool: Pool) -> wire.Pool:
    """A pool for clients."""
    asked = pool.resources
    resources = None
    if asked != UNASKED:
        resources = wire.PoolResources(
            cpu_cores=asked.cpu_cores,
            memory_bytes=asked.memory_mib * MIB,
            disk_bytes=asked.storage_mib * MIB,
            gpu_count=asked.gpu,
            architecture=asked.architecture,
        )
    return wire.Pool(image=pool.image, resources=resources, rules=from_rules(pool.rules))
