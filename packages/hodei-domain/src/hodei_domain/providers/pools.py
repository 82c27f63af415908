"""Pools: how many workers of a kind a provider keeps, and for how long."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from attrs import evolve, field, fields, frozen
from attrs.validators import optional

from hodei_domain.kernel.checks import lasting, one_of, text, whole
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.values import UNASKED, Resources

T = TypeVar("T")

MOST_POOLS = 256
SHORTEST_LIFE = timedelta(seconds=10)
"""Of a worker: less would end it before it has done anything."""
PoolKey = tuple[str, Resources]
"""What tells the pools of a provider apart: image and resources."""

DEFAULT: PoolKey = ("", UNASKED)
"""The pool of jobs that ask for nothing."""

_DURATIONS = ("idle_ttl", "max_lifetime", "drain_within")


@frozen(kw_only=True)
class PoolRules:
    """What holds for the workers of a pool. None: what the wider rules say.

    max_workers: at a time, starting and going ones too. min_idle: kept ready without a job. idle_ttl: before
    an idle one beyond these goes. max_lifetime, max_jobs: after which a worker is replaced (0 jobs: no
    limit, 1: one for each job). drain_within: for its job, when a worker has to go.
    """

    max_workers: int | None = field(default=None, validator=optional(whole(0, 100_000)))
    min_idle: int | None = field(default=None, validator=optional(whole(0, 10_000)))
    idle_ttl: timedelta | None = field(default=None, validator=lasting(timedelta(days=30), zero=True))
    max_lifetime: timedelta | None = field(default=None, validator=lasting(timedelta(days=366)))
    max_jobs: int | None = field(default=None, validator=optional(whole(0, 1_000_000_000)))
    drain_within: timedelta | None = field(default=None, validator=lasting(timedelta(days=30), zero=True))

    def __attrs_post_init__(self) -> None:
        if self.max_workers is not None and (self.min_idle or 0) > self.max_workers:
            raise InvalidInput(f"is more than the {self.max_workers} of max_workers", field="min_idle")

    def over(self, wider: "PoolRules") -> "PoolRules":
        """These, and what `wider` says where these say nothing; but nobody inherits idle workers."""
        missing = {name: getattr(wider, name) for name in _INHERITED if getattr(self, name) is None}
        return evolve(self, **missing) if wider != NO_RULES else self

    def to_json(self) -> dict[str, Any]:
        """The fields that say something, ready for JSON; durations in seconds."""
        said = {name: getattr(self, name) for name in _NAMES if getattr(self, name) is not None}
        return {
            name: value.total_seconds() if isinstance(value, timedelta) else value
            for name, value in said.items()
        }

    @classmethod
    def from_json(cls, document: Any, field: str = "pool") -> "PoolRules":
        """Back from to_json(). Raises InvalidInput, the name of its field beginning with `field`."""
        told = _object(document, field, _NAMES)
        for name in _DURATIONS:
            if told.get(name) is not None:
                told[name] = _seconds(told[name], f"{field}.{name}")
        return under(field, lambda: cls(**told))


_NAMES = tuple(each.name for each in fields(PoolRules))
_INHERITED = tuple(name for name in _NAMES if name != "min_idle")
NO_RULES = PoolRules()


@frozen(kw_only=True)
class Pool:
    """The workers of one image ("" is the provider's default), or of those that ask for just these resources
    too, and their rules.
    """

    image: str = field(default="", validator=text(1024))
    resources: Resources = field(default=UNASKED, validator=one_of(Resources))
    rules: PoolRules = field(default=NO_RULES, validator=one_of(PoolRules))

    @property
    def key(self) -> PoolKey:
        """What tells it apart from the others of its provider."""
        return (self.image, self.resources)

    @property
    def demand(self) -> DemandClass:
        """What its warm workers are made for."""
        return DemandClass(image=self.image, resources=self.resources)

    def holds(self, demand: DemandClass) -> bool:
        """Whether workers made for this class belong to it, unless a narrower one holds it."""
        return self.image == demand.image and self.resources in (UNASKED, demand.resources)

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {"image": self.image, "resources": self.resources.to_json(), "rules": self.rules.to_json()}

    @classmethod
    def from_json(cls, document: Any, field: str = "pools") -> "Pool":
        """Back from to_json(). Raises InvalidInput, the name of its field beginning with `field`."""
        told = _object(document, field, ("image", "resources", "rules"))
        if "resources" in told:
            asked = _object(told["resources"], f"{field}.resources", _RESOURCES)
            told["resources"] = under(f"{field}.resources", lambda: Resources(**asked))
        if "rules" in told:
            told["rules"] = PoolRules.from_json(told["rules"], f"{field}.rules")
        return under(field, lambda: cls(**told))


_RESOURCES = tuple(each.name for each in fields(Resources))


def merged(pools: Iterable[Pool], changes: Iterable[Pool]) -> tuple[Pool, ...]:
    """Each change in place of the pool with its image and resources; one without rules ends it."""
    found = {pool.key: pool for pool in (*pools, *changes)}
    return tuple(pool for pool in found.values() if pool.rules != NO_RULES)


def pool_for(demand: DemandClass, rules: PoolRules, pools: Iterable[Pool]) -> Pool:
    """The pool of workers that are made for this class, its rules weighed with the wider ones.

    That is the narrowest of `pools` which holds it, else one for just its image and resources. `rules` are
    for all pools; the idle workers they name are those of the default pool.
    """
    holding = sorted((p for p in pools if p.holds(demand)), key=lambda p: p.resources == UNASKED)
    own = holding[0] if holding else Pool(image=demand.image, resources=demand.resources)
    weighed = own.rules
    for wider in (*(pool.rules for pool in holding[1:]), rules):
        weighed = weighed.over(wider)
    if own.key == DEFAULT and weighed.min_idle is None:
        weighed = evolve(weighed, min_idle=rules.min_idle)
    return evolve(own, rules=weighed)


def under(prefix: str, make: Callable[[], T], names: Mapping[str, str] | None = None) -> T:
    """What `make` gives; its refusals name their field below `prefix`, by the name in `names` if it has one
    there.
    """
    try:
        return make()
    except InvalidInput as refusal:
        name = (names or {}).get(refusal.field or "", refusal.field)
        raise InvalidInput(refusal.text, field=f"{prefix}.{name}") from None


def _object(document: Any, field: str, known: Iterable[str]) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        raise InvalidInput("must be an object", field=field)
    unknown = document.keys() - set(known)
    if unknown:
        raise InvalidInput(f"has unknown fields: {', '.join(sorted(map(str, unknown)))}", field=field)
    return dict(document)


def _seconds(value: Any, field: str) -> timedelta:
    try:
        return timedelta(seconds=value)
    except (TypeError, OverflowError, ValueError):
        raise InvalidInput("must be a number of seconds", field=field) from None
