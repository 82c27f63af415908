"""Demand classes: what makes two jobs servable by the same worker."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from attrs import field, frozen

from hodei_domain.kernel.values import UNASKED, Constraint, PullPolicy, Resources, parse_pull_policy

PREFERENCES = ("preferred_provider", "preferred_region")


def _ordered(constraints: Iterable[Constraint]) -> tuple[Constraint, ...]:
    # the same conditions in another order ask for the same worker
    unordered = tuple(constraints)
    if len(unordered) < 2:
        return unordered
    return tuple(sorted(set(unordered), key=lambda c: (c.key, c.operator.value, c.values)))


@frozen(kw_only=True)
class DemandClass:
    """What a worker must offer to serve a job.

    "" means no wish; `resources.architecture` is the architecture, `user` is UID[:GID] in a container.
    `provider` and `region` must hold; what is preferred holds where it can: see
    scheduling.eligible.honour().
    """

    image: str = ""
    user: str = ""
    pull: PullPolicy = PullPolicy.IF_NOT_PRESENT  # of the image; means nothing without one
    resources: Resources = UNASKED
    constraints: tuple[Constraint, ...] = field(default=(), converter=_ordered)
    provider: str = ""
    region: str = ""
    preferred_provider: str = ""
    preferred_region: str = ""
    max_cost: float | None = None  # of an hour, in the currency of the providers' estimates

    @property
    def architecture(self) -> str:
        """The machine architecture asked for, "" for any."""
        return self.resources.architecture

    @property
    def key(self) -> str:
        """32 hexadecimal digits; equal for equal classes in every process and version."""
        return _key(self)

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        # absent where it is the default: the keys of classes stay what they were
        added: dict[str, Any] = {} if self.pull is PullPolicy.IF_NOT_PRESENT else {"pull": self.pull.value}
        added |= {name: getattr(self, name) for name in ("user", *PREFERENCES) if getattr(self, name)}
        added |= {} if self.max_cost is None else {"max_cost": self.max_cost}
        return added | {
            "image": self.image,
            "resources": self.resources.to_json(),
            "constraints": [c.to_json() for c in self.constraints],
            "provider": self.provider,
            "region": self.region,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "DemandClass":
        """Back from to_json(). Raises InvalidInput."""
        return cls(
            image=document["image"],
            user=document.get("user", ""),
            pull=parse_pull_policy(document.get("pull", PullPolicy.IF_NOT_PRESENT.value)),
            resources=Resources.from_json(document["resources"]),
            constraints=[Constraint.from_json(c) for c in document["constraints"]],
            provider=document["provider"],
            region=document["region"],
            **{name: document.get(name, "") for name in PREFERENCES},
            max_cost=document.get("max_cost"),
        )

    def __str__(self) -> str:
        asked = self.resources
        amounts = {
            f"{asked.cpu_cores:g} cores": asked.cpu_cores,
            f"{asked.memory_mib} MiB of memory": asked.memory_mib,
            f"{asked.storage_mib} MiB of disk": asked.storage_mib,
            f"{asked.gpu} GPUs": asked.gpu,
        }
        wishes = [self.image or "no image", *(text for text, amount in amounts.items() if amount)]
        wishes += [f"user {self.user}"] if self.user else []
        wishes += [wish for wish in (self.architecture, self.provider, self.region) if wish]
        wishes += [f"{wish} preferred" for wish in (self.preferred_provider, self.preferred_region) if wish]
        wishes += [] if self.max_cost is None else [f"for at most {self.max_cost:g} an hour"]
        return "; ".join([*wishes, *map(str, self.constraints)])


ANY = DemandClass()  # what a job asks for that wishes nothing


@lru_cache(maxsize=4096)  # classes are few and the key is on the path of each submission
def _key(demand: DemandClass) -> str:
    return digest_of(demand.to_json())


def digest_of(document: object) -> str:
    """32 hexadecimal digits of a JSON document's content, the same whatever the order of its keys."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return blake2b(canonical.encode(), digest_size=16).hexdigest()
