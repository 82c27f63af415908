"""Providers: what is registered and what is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from hodei_rest.schemas.jobs import Milliseconds, Resources

TypeName = Literal[
    "DOCKER",
    "KUBERNETES",
    "FARGATE",
    "CLOUD_RUN",
    "CONTAINER_APPS",
    "LAMBDA",
    "CLOUD_FUNCTIONS",
    "AZURE_FUNCTIONS",
    "EC2",
    "COMPUTE_ENGINE",
    "AZURE_VMS",
    "TEST",
    "BARE_METAL",
    "CUSTOM",
]
StatusName = Literal["ACTIVE", "MAINTENANCE", "DISABLED", "OVERLOADED", "UNHEALTHY", "DEGRADED"]
MASK = "********"


class PoolRules(Struct, kw_only=True, forbid_unknown_fields=True):
    """What holds for the workers of a pool; null: what the wider rules say."""

    max_workers: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    min_idle: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    idle_ttl_ms: Milliseconds | None = None
    max_lifetime_ms: Milliseconds | None = None
    max_jobs: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None
    drain_within_ms: Milliseconds | None = None


class Pool(Struct, kw_only=True, forbid_unknown_fields=True):
    """The workers of one image, or of those that ask for just these resources too, and their rules."""

    image: str = ""
    resources: Resources = msgspec.field(default_factory=Resources)
    rules: PoolRules = msgspec.field(default_factory=PoolRules)


class NewProvider(Struct, kw_only=True, forbid_unknown_fields=True):
    """A provider to register, of a type that /provider-types lists; `config` are the settings it lists."""

    name: str
    type: TypeName
    config: dict[str, Any] = {}
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0
    max_workers: Annotated[int, Meta(ge=0, le=100_000)] = 10
    tags: list[str] = []
    metadata: dict[str, str] = {}
    pool: PoolRules = msgspec.field(default_factory=PoolRules)
    pools: list[Pool] = []
    region: str = ""
    labels: dict[str, str] = {}
    cost_per_hour: Annotated[float, Meta(ge=0, le=1e9)] | None = None


class ProviderChanges(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; what is absent stays.

    In `config` null takes a setting back, and a masked value leaves it as it is. Each of `pools` takes the
    place of the one with its image and resources, and one without rules ends it. `region` is where all its
    workers are and `cost_per_hour` is a worker's; "" and null are as its driver says.
    """

    name: str | UnsetType = UNSET
    status: Literal["ACTIVE", "MAINTENANCE"] | UnsetType = UNSET
    config: dict[str, Any] | UnsetType = UNSET
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] | UnsetType = UNSET
    max_workers: Annotated[int, Meta(ge=0, le=100_000)] | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    pool: PoolRules | UnsetType = UNSET
    pools: list[Pool] | UnsetType = UNSET
    region: str | UnsetType = UNSET
    labels: dict[str, str] | UnsetType = UNSET
    cost_per_hour: Annotated[float, Meta(ge=0, le=1000000000.0)] | UnsetType | None = UNSET


class ProviderHealth(Struct, kw_only=True):
    """How a provider does, why, and when that was found out."""

    status: StatusName
    healthy: bool
    reason: str
    checked_at: datetime | None


class Capabilities(Struct, kw_only=True):
    """The most for one job, and what kinds; 0 and empty lists are without limit."""

    max_resources: Resources
    gpu: bool
    gpu_types: list[str]
    architectures: list[str]
    images: bool
    regions: list[str]
    labels: dict[str, str]
    max_execution_ms: int | None


class WorkerCounts(Struct, kw_only=True):
    """The workers of a provider."""

    total: int
    idle: int
    busy: int
    starting: int
    going: int


class Placement(Struct, kw_only=True):
    """What an operator says of where a provider is and what a worker costs; null is as its driver says."""

    region: str
    labels: dict[str, str]
    cost_per_hour: float | None


class Cost(Struct, kw_only=True):
    """Of a worker: `per_hour` in the installation's currency, 0 where it costs nothing more; and how long one
    usually takes to be ready.
    """

    per_hour: float
    startup_ms: int


class Provider(Struct, kw_only=True):
    """An infrastructure for workers. Secrets in `config` are masked.

    `host` is the machine of a provider that a server brought along. `labels` and `region` are all that jobs
    may ask for; `own` is what an operator has set of them.
    """

    id: str
    name: str
    type: TypeName
    enabled: bool
    status: StatusName
    health: ProviderHealth
    capabilities: Capabilities
    config: dict[str, Any]
    host: str
    priority: int
    max_workers: int
    workers: WorkerCounts
    cost: Cost | None
    pool: PoolRules
    pools: list[Pool]
    tags: list[str]
    metadata: dict[str, str]
    labels: dict[str, str]
    region: str
    own: Placement
    created_at: datetime
    updated_at: datetime


class ConnectionTest(Struct, kw_only=True):
    """What a provider said that was asked and not saved."""

    healthy: bool
    message: str
    details: dict[str, str]
    capabilities: Capabilities | None


class Setting(Struct, kw_only=True):
    """A setting that a form may ask for."""

    name: str
    label: str
    kind: Literal["text", "number", "list", "labels", "flag"]
    default: str | int | bool | None
    help: str


class ProviderTypeInfo(Struct, kw_only=True):
    """A type of provider: whether this server can use it, and what it may be asked for."""

    type: TypeName
    label: str
    available: bool
    settings: list[Setting]
