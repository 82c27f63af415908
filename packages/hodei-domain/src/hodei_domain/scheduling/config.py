"""How the scheduler decides; kept in the settings store, so that all replicas follow."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import evolve, field, frozen

from hodei_domain.kernel.checks import lasting, one_of, whole
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.providers.pools import SHORTEST_LIFE
from hodei_domain.scheduling.choose import ProviderStrategy, WorkerStrategy

SETTING = "scheduler"  # its name in the settings store
_LONGEST, _HOUR = timedelta(days=1), timedelta(hours=1)
_PROMOTION = lasting(_LONGEST, shortest=timedelta(seconds=1))
_LIFE = lasting(timedelta(days=366), shortest=SHORTEST_LIFE)
_ARRIVAL = lasting(_HOUR, shortest=timedelta(seconds=5))
_DURATIONS = ("requeue_delay", "promote_after", "idle_ttl", "max_lifetime", "register_within")


@frozen(kw_only=True)
class SchedulerConfig:
    """What an operator may change while it runs.

    requeue_delay: before a job that was given back is claimed again. promote_after: waiting that raises a job
    by one priority level. min_idle: warm workers of the default class, per provider. idle_ttl: before an idle
    worker beyond these goes. max_lifetime, max_jobs: after which a worker is replaced (0 jobs: no limit).
    register_within: before a worker that has not come is destroyed. create_batch: workers made at once.

    The shortest times are those with which jobs can still run: no worker could ever be made, or keep its job,
    within less.
    """

    worker_strategy: WorkerStrategy = field(
        default=WorkerStrategy.FIRST_AVAILABLE, validator=one_of(WorkerStrategy)
    )
    provider_strategy: ProviderStrategy = field(
        default=ProviderStrategy.FASTEST_STARTUP, validator=one_of(ProviderStrategy)
    )
    requeue_delay: timedelta = field(default=timedelta(seconds=1), validator=lasting(_HOUR, zero=True))
    preemption_enabled: bool = False
    promote_after: timedelta = field(
        default=timedelta(minutes=10), validator=lasting(_LONGEST, shortest=timedelta(seconds=1))
    )
    min_idle: int = field(default=0, validator=whole(0, 10_000))
    idle_ttl: timedelta = field(
        default=timedelta(minutes=5), validator=lasting(timedelta(days=30), zero=True)
    )
    max_lifetime: timedelta = field(
        default=timedelta(days=1), validator=lasting(timedelta(days=366), shortest=SHORTEST_LIFE)
    )
    max_jobs: int = field(default=0, validator=whole(0, 1_000_000_000))
    register_within: timedelta = field(
        default=timedelta(minutes=5), validator=lasting(_HOUR, shortest=timedelta(seconds=5))
    )
    create_batch: int = field(default=16, validator=whole(1, 1000))

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON; durations in seconds."""
        durations = {name: getattr(self, name).total_seconds() for name in _DURATIONS}
        return {
            "worker_strategy": self.worker_strategy.value,
            "provider_strategy": self.provider_strategy.value,
            "preemption_enabled": self.preemption_enabled,
            "min_idle": self.min_idle,
            "max_jobs": self.max_jobs,
            "create_batch": self.create_batch,
            **durations,
        }

    def with_json(self, document: Mapping[str, Any]) -> "SchedulerConfig":
        """This, changed by what the document names. Raises InvalidInput for unknown names and values."""
        unknown = document.keys() - self.to_json().keys()
        if unknown:
            raise InvalidInput(f"has unknown settings: {', '.join(sorted(unknown))}", field="config")
        fields: dict[str, Any] = dict(document)
        for name in _DURATIONS:
            if name in fields:
                fields[name] = _seconds(name, fields[name])
        if "worker_strategy" in fields:
            fields["worker_strategy"] = parse_worker_strategy(fields["worker_strategy"])
        if "provider_strategy" in fields:
            fields["provider_strategy"] = parse_provider_strategy(fields["provider_strategy"])
        return evolve(self, **fields)


def parse_worker_strategy(name: str) -> WorkerStrategy:
    """Read a strategy by its name, in any case and with or without separators. Raises InvalidInput."""
    for strategy in WorkerStrategy:
        if strategy.value.lower() == _plain(name):
            return strategy
    raise InvalidInput(f"{name!r} is none of {', '.join(WorkerStrategy)}", field="worker_strategy")


def parse_provider_strategy(name: str) -> ProviderStrategy:
    """Read a strategy by its name, in any case and with or without separators. Raises InvalidInput."""
    for strategy in ProviderStrategy:
        if strategy.value.lower() == _plain(name):
            return strategy
    raise InvalidInput(f"{name!r} is none of {', '.join(ProviderStrategy)}", field="provider_strategy")


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def _seconds(name: str, value: Any) -> timedelta:
    try:
        return timedelta(seconds=value)
    except (TypeError, OverflowError, ValueError):
        raise InvalidInput("must be a number of seconds", field=name) from None
