"""How long things may take, and how the application behaves: what an operator sets at start."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from os import getpid
from platform import node
from random import random
from time import monotonic

from attrs import field, frozen
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
    UnitOfWork,
    always_alone,
    no_hint,
    nobody_has_died,
)


@frozen(kw_only=True)
class Policy:
    """Times of workers and leases, and what is kept for how long.

    heartbeat_interval: told to workers. suspicion: silence after which a worker gets no new work. lease:
    silence after which its attempt is lost; renewed each `flush`, so at least three times. cancel_bound:
    beyond the job's grace, until a worker that does not confirm is destroyed. poll: of the dispatcher, a
    safety net. provisioning: whether workers are made.
    """

    heartbeat_interval: timedelta = timedelta(seconds=5)
    suspicion: timedelta = timedelta(seconds=15)
    lease: timedelta = timedelta(seconds=45)
    flush: timedelta = timedelta(seconds=12)
    cancel_bound: timedelta = timedelta(seconds=5)
    otp_ttl: timedelta = timedelta(seconds=300)
    poll: timedelta = timedelta(seconds=1)
    destroy_grace: timedelta = timedelta(seconds=5)
    audit_retention: timedelta = timedelta(days=90)
    log_retention: timedelta | None = None
    provisioning: bool = True
    scheduler: SchedulerConfig = field(factory=SchedulerConfig)


def _replica() -> str:
    return f"{node()}:{getpid()}"


@frozen(kw_only=True)
class Outside:
    """What the application needs from outside. `server_address` is host:port as agents dial it. `replica`
    names this process in leases, and `has_died` says of such a name whether that process is certainly gone.
    `dev_mode` lets workers in with `dev-` tokens.
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
