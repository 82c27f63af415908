"""The provider: an infrastructure that we may make workers on."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import evolve, field, fields, frozen
from attrs.validators import optional

from hodei_domain.kernel.change import Change, same
from hodei_domain.kernel.checks import check_labels, check_text, check_texts, one_of, text, whole, within
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.events import Event
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.kernel.instants import rising
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import ProviderSwitchedOff
from hodei_domain.providers.events import (
    ProviderHealthChanged,
    ProviderRecovered,
    ProviderRegistered,
    ProviderRemoved,
    ProviderUpdated,
)
from hodei_domain.providers.pools import (
    MOST_POOLS,
    NO_RULES,
    SHORTEST_LIFE,
    Pool,
    PoolRules,
    merged,
    pool_for,
)

UNHEALTHY_AFTER = 3  # failures in a row: one may be a hiccup, three make placing a job there a gamble


class ProviderType(StrEnum):
    """The kinds of infrastructure; the names are those on the wire without their prefix."""

    DOCKER = "DOCKER"
    KUBERNETES = "KUBERNETES"
    FARGATE = "FARGATE"
    CLOUD_RUN = "CLOUD_RUN"
    CONTAINER_APPS = "CONTAINER_APPS"
    LAMBDA = "LAMBDA"
    CLOUD_FUNCTIONS = "CLOUD_FUNCTIONS"
    AZURE_FUNCTIONS = "AZURE_FUNCTIONS"
    EC2 = "EC2"
    COMPUTE_ENGINE = "COMPUTE_ENGINE"
    AZURE_VMS = "AZURE_VMS"
    TEST = "TEST"
    BARE_METAL = "BARE_METAL"
    CUSTOM = "CUSTOM"


class ProviderStatus(StrEnum):
    """How a provider does."""

    ACTIVE = "ACTIVE"
    MAINTENANCE = "MAINTENANCE"
    DISABLED = "DISABLED"
    OVERLOADED = "OVERLOADED"
    UNHEALTHY = "UNHEALTHY"
    DEGRADED = "DEGRADED"


_S = ProviderStatus
_ILL = frozenset({_S.UNHEALTHY, _S.DEGRADED, _S.OVERLOADED})
_BY_HAND = frozenset({_S.MAINTENANCE, _S.DISABLED})  # a person's word; no probe changes it
_SERVING = frozenset({_S.ACTIVE, _S.DEGRADED})


def _check_name(_: Any, __: Any, name: str) -> None:
    check_text(name, "name", 128)
    if not name.strip():
        raise InvalidInput("is empty", field="name")


def _check_tags(_: Any, __: Any, tags: tuple[str, ...]) -> None:
    check_texts(tags, "tags", 256, 256)


def _check_metadata(_: Any, __: Any, metadata: Mapping[str, str]) -> None:
    check_labels(metadata, "metadata")


def _check_labels(_: Any, __: Any, labels: Mapping[str, str]) -> None:
    check_labels(labels, "labels")


def _all_pools(pools: Iterable[Pool]) -> tuple[Pool, ...]:
    return tuple(pools)


def _check_pools(_: Any, __: Any, pools: tuple[Pool, ...]) -> None:
    if len(pools) > MOST_POOLS:
        raise InvalidInput(f"has more than {MOST_POOLS} entries", field="pools")
    for number, pool in enumerate(pools):
        if not isinstance(pool, Pool):
            raise InvalidInput("must be a Pool", field=f"pools[{number}]")
    if len({pool.key for pool in pools}) < len(pools):
        raise InvalidInput("has two entries for the same image and resources", field="pools")


def _document(config: Mapping[str, Any]) -> dict[str, Any]:
    return dict(config)


@frozen(kw_only=True)
class Provider:
    """An infrastructure for workers. Each move returns a `Change`.

    `config` is the plugin's own and may hold credentials: it is in no event. `priority`: higher is asked
    first. `failures` counts failed probes and calls in a row. `pool` are rules for each of its pools of
    workers, `pools` those for some. `region`, `labels` and `cost_per_hour` (of a worker, in the
    installation's currency) are an operator's word, over what its plugin says. `switched_off` names the
    setting by which its own server keeps it out of use.
    """

    id: ProviderId
    name: str = field(validator=_check_name)
    type: ProviderType = field(validator=one_of(ProviderType))
    status: ProviderStatus = ProviderStatus.ACTIVE
    enabled: bool = True
    priority: int = field(default=0, validator=whole(-1_000_000, 1_000_000))
    max_workers: int = field(default=10, validator=whole(0, 100_000))
    capabilities: Capabilities = field(factory=Capabilities, validator=one_of(Capabilities))
    tags: tuple[str, ...] = field(default=(), converter=tuple, validator=_check_tags)
    metadata: Mapping[str, str] = field(factory=dict, converter=_document, validator=_check_metadata)
    config: Mapping[str, Any] = field(factory=dict, converter=_document, repr=False)
    region: str = field(default="", validator=text(128))
    labels: Mapping[str, str] = field(factory=dict, converter=_document, validator=_check_labels)
    cost_per_hour: float | None = field(default=None, validator=optional(within(0, 1e9)))
    switched_off: str = ""
    health_message: str = ""
    checked_at: datetime | None = None
    failures: int = 0
    pool: PoolRules = field(default=NO_RULES, validator=one_of(PoolRules))
    pools: tuple[Pool, ...] = field(default=(), converter=_all_pools, validator=_check_pools)
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @classmethod
    def register(
        cls, id: ProviderId, name: str, type: ProviderType, *, at: datetime, **settings: Any
    ) -> "Change[Provider]":
        """A new provider.

        `settings`: priority, max_workers, capabilities, tags, metadata, config, pool, pools. Raises
        InvalidInput.
        """
        provider = cls(id=id, name=name, type=type, created_at=at, updated_at=at, **settings)
        provider.check_limits()
        registered = provider._tell(ProviderRegistered, at, provider_type=type.value)
        return Change(provider, (registered,), 0)

    @property
    def takes_work(self) -> bool:
        """Whether workers may be made there now, limits aside."""
        return not self.out_of_use and self.status in _SERVING

    @property
    def out_of_use(self) -> str:
        """Why it gets no jobs, not even for workers that it has; "" if it does. That is always somebody's
        word: ill health only keeps it from making workers.
        """
        if self.switched_off:
            return f"is switched off by {self.switched_off} on its server"
        if not self.enabled or self.status is ProviderStatus.DISABLED:
            return "is disabled"
        return "is in maintenance" if self.status is ProviderStatus.MAINTENANCE else ""

    @property
    def shown_status(self) -> ProviderStatus:
        """Its status for those who look: what is switched off is not active."""
        return ProviderStatus.DISABLED if self.switched_off else self.status

    @property
    def note(self) -> str:
        """What there is to say of its status, for people."""
        return self.out_of_use if self.switched_off else self.health_message

    @property
    def offered(self) -> Capabilities:
        """Its capabilities, with region and labels as the operator says."""
        if not self.region and not self.labels:
            return self.capabilities
        can = self.capabilities
        regions = (self.region,) if self.region else can.regions
        return evolve(can, regions=regions, labels={**can.labels, **self.labels})

    def pool_for(self, demand: DemandClass) -> Pool:
        """The pool of workers that are made here for this class, with all rules that hold for them."""
        return pool_for(demand, self.pool, self.pools)

    def update(self, *, at: datetime, **settings: Any) -> "Change[Provider]":
        """Change name, priority, max_workers, capabilities, tags, metadata, config, pool, region, labels,
        cost_per_hour, switched_off, or status by hand.

        `pools` are changes: each takes the place of the one with its image and resources, and one without
        rules ends it. Changes nothing if all is so already. Raises InvalidInput.
        """
        unknown = settings.keys() - _SETTABLE
        if unknown:
            raise InvalidInput(f"cannot be changed: {', '.join(sorted(unknown))}", field="provider")
        if "pools" in settings:
            settings["pools"] = merged(self.pools, settings["pools"])
        wanted = evolve(self, **settings)
        changed = tuple(sorted(name for name in settings if getattr(wanted, name) != getattr(self, name)))
        if not changed:
            return same(self)
        if _LIMITS.intersection(changed):
            wanted.check_limits()
        at = rising(at, self.updated_at)
        return self._with(at, (self._tell(ProviderUpdated, at, fields=changed),), **settings)

    def check_limits(self) -> None:
        """Raises InvalidInput if its pools are to keep more idle workers than it, or they, may have, or to
        end workers before they have done anything.
        """
        for rules in (self.pool, *(pool.rules for pool in self.pools)):
            if rules.max_lifetime is not None and rules.max_lifetime < SHORTEST_LIFE:
                text = f"is shorter than {SHORTEST_LIFE.total_seconds():g} s"
                raise InvalidInput(text, field="pool.max_lifetime")
        keys = {pool.key: pool.demand for pool in (Pool(), *self.pools)}
        kept = sum(self.pool_for(demand).rules.min_idle or 0 for demand in keys.values())
        if kept > self.max_workers:
            raise InvalidInput(
                f"{kept} idle workers are to be kept, and there may be at most {self.max_workers} workers",
                field="min_idle",
            )

    def enable(self, *, at: datetime) -> "Change[Provider]":
        """Let workers be made there again. Twice is not an error. Raises ProviderSwitchedOff."""
        if self.switched_off:
            raise ProviderSwitchedOff(
                f"{self.name} {self.out_of_use}: set that to 1 there, and start the server again"
            )
        if self.enabled:
            return same(self)
        return self._switch(at, enabled=True, status=ProviderStatus.ACTIVE, failures=0)

    def disable(self, *, at: datetime) -> "Change[Provider]":
        """Give it no jobs and make no workers there; jobs that run go on. Twice is not an error."""
        return self._switch(at, enabled=False, status=ProviderStatus.DISABLED) if self.enabled else same(self)

    def report_health(self, healthy: bool, message: str, *, at: datetime) -> "Change[Provider]":
        """Keep what a probe or a call showed. DEGRADED at the first failure, UNHEALTHY after three in a row.

        Only a change of status brings an event. A status set by hand stays.
        """
        return self._report(0 if healthy else self.failures + 1, message, at)

    def report_forsaken(self, message: str, *, at: datetime) -> "Change[Provider]":
        """Keep that no server reaches it: UNHEALTHY at once, for there is nobody who could try. Twice is not
        an error.
        """
        if self.failures >= UNHEALTHY_AFTER and self.health_message == message:
            return same(self)
        return self._report(max(self.failures, UNHEALTHY_AFTER), message, at)

    def _report(self, failures: int, message: str, at: datetime) -> "Change[Provider]":
        at = rising(at, self.updated_at)
        status = self._status_after(failures)
        events: tuple[Event, ...] = ()
        if status is not self.status:
            event = ProviderRecovered if status is ProviderStatus.ACTIVE else ProviderHealthChanged
            told = {"old_status": self.status.value, "new_status": status.value, "message": message}
            events = (self._tell(event, at, **told),)
        return self._with(at, events, status=status, failures=failures, health_message=message, checked_at=at)

    def removed(self, *, at: datetime) -> ProviderRemoved:
        """The event of forgetting it; the store deletes with it."""
        event: ProviderRemoved = self._tell(ProviderRemoved, rising(at, self.updated_at))
        return event

    def _status_after(self, failures: int) -> ProviderStatus:
        if self.status in _BY_HAND:
            return self.status
        if failures == 0:
            return ProviderStatus.ACTIVE
        return ProviderStatus.UNHEALTHY if failures >= UNHEALTHY_AFTER else ProviderStatus.DEGRADED

    def _switch(self, at: datetime, **settings: Any) -> "Change[Provider]":
        at = rising(at, self.updated_at)
        return self._with(at, (self._tell(ProviderUpdated, at, fields=("enabled",)),), **settings)

    def _tell(self, event: Any, at: datetime, **told: Any) -> Any:
        return event(at=at, correlation_id=str(self.id), name=self.name, **told)

    def _with(self, at: datetime, events: tuple[Event, ...], **settings: Any) -> "Change[Provider]":
        return Change(evolve(self, version=self.version + 1, updated_at=at, **settings), events, self.version)


_SETTABLE = frozenset(f.name for f in fields(Provider)) & {
    "name",
    "status",
    "priority",
    "max_workers",
    "capabilities",
    "tags",
    "metadata",
    "config",
    "pool",
    "pools",
    "region",
    "labels",
    "cost_per_hour",
    "switched_off",
}
_LIMITS = frozenset({"max_workers", "pool", "pools"})
