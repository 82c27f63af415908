"""How long things may take, and how the application behaves: what an operator sets at start."""
# ruff: noqa: RUF009  (each `_share_of_lease` is an attrs field, made once on purpose)

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from os import getpid
from platform import node
from random import random
from time import monotonic
from typing import Any

from attrs import Factory, field, frozen
from hodei_domain.jobs.job import Job
from hodei_domain.scheduling.config import SchedulerConfig

from hodei_application.ports import (
    Clock,
    HasDied,
    Hint,
    IsAlone,
    Jitter,
    NewId,
    PluginFactory,
    Secrets,
    Trial,
    UnitOfWork,
    always_alone,
    no_hint,
    nobody_has_died,
)
from hodei_application.scheduling.retention import Terms


def _share_of_lease(parts: float, longest: timedelta) -> Any:
    """A field: so small a part of the lease, and never longer than this."""
    return field(default=Factory(lambda policy: min(policy.lease / parts, longest), takes_self=True))


@frozen(kw_only=True)
class Policy:
    """Times of workers and leases, and what is kept for how long.

    lease: silence after which an attempt is lost. heartbeat_interval: told to workers. suspicion: silence
    after which a worker gets no new work. renewal: between renewals of the leases of those who were heard.
    flush: between writing who was heard. These four follow from the lease. cancel_bound: beyond the job's
    grace, until a worker that does not confirm is destroyed. poll: of the dispatcher, a safety net.
    metrics_flush: between writing what was counted. provisioning: whether workers are made. serves_workers:
    False for a replica that only answers and writes wishes: it leads nothing, makes no workers and holds no
    streams.
    """

    lease: timedelta = timedelta(seconds=45)
    heartbeat_interval: timedelta = _share_of_lease(9, timedelta(seconds=5))
    suspicion: timedelta = _share_of_lease(3, timedelta(seconds=15))
    renewal: timedelta = _share_of_lease(18, timedelta(seconds=2.5))
    flush: timedelta = _share_of_lease(3.75, timedelta(seconds=12))
    cancel_bound: timedelta = timedelta(seconds=5)
    otp_ttl: timedelta = timedelta(seconds=300)
    poll: timedelta = timedelta(seconds=1)
    destroy_grace: timedelta = timedelta(seconds=5)
    retention: Terms = field(factory=Terms)
    metrics_retention: timedelta = timedelta(days=90)
    usage_retention: timedelta = timedelta(days=7)
    metrics_flush: timedelta = timedelta(seconds=5)
    provisioning: bool = True
    serves_workers: bool = True
    scheduler: SchedulerConfig = field(factory=SchedulerConfig)


async def nobody_knows() -> str:
    """For a store that has no version."""
    return ""


def alone() -> int:
    """For a replica that has no way to hear of others."""
    return 1


def _replica() -> str:
    return f"{node()}:{getpid()}"


@frozen(kw_only=True)
class Outside:
    """What the application needs from outside. `server_address` is host:port as agents dial it. `replica`
    names this process in leases, and `has_died` says of such a name whether that process is certainly gone.
    `dev_mode` lets workers in with `dev-` tokens. `hears` are told of each job after a move of it was
    committed here; they must be quick and raise nothing. `trial` makes plugins of providers that are only
    tried out, None where that cannot be done here. `store_version` names the store, `replicas` counts the
    processes that were heard of lately, this one included.
    """

    begin: UnitOfWork
    now: Clock
    new_id: NewId
    secrets: Secrets
    plugins: PluginFactory
    server_address: str
    jitter: Jitter = random
    hint: Hint = no_hint
    is_alone: IsAlone = always_alone
    monotonic: Callable[[], float] = monotonic
    replica: str = field(factory=_replica)
    has_died: HasDied = nobody_has_died
    dev_mode: bool = False
    hears: tuple[Callable[[Job], None], ...] = ()
    trial: Trial | None = None
    store_version: Callable[[], Awaitable[str]] = nobody_knows
    replicas: Callable[[], int] = alone
