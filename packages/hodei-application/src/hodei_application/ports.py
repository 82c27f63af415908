"""What the application needs from outside and no room of the domain asks for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hodei_domain.audit.ports import AuditTrail
from hodei_domain.jobs.history import HistoryStore
from hodei_domain.jobs.ports import ClockViews, JobQueue, JobStore, JobViews, LeaseStore
from hodei_domain.logs.ports import LogStore
from hodei_domain.metrics.ports import MetricsStore
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.ports import ProviderStore
from hodei_domain.providers.provider import Provider
from hodei_domain.scheduling.ports import LeaderStore, SettingsStore
from hodei_domain.workers.ports import OtpStore, SessionStore, WorkerStore

Clock = Callable[[], datetime]
"""The present as an aware UTC instant."""

NewId = Callable[[], UUID]
"""A new id, version 7: ids made later sort later."""

Secrets = Callable[[int], bytes]
"""So many unpredictable bytes, from the operating system."""

Jitter = Callable[[], float]
"""An even random number from 0 up to, and without, 1. Spreads load; never a secret."""

Hint = Callable[[str], None]
"""Tell other replicas that there is work of a kind (hodei_application.signals). Does not block, may be
lost, is debounced.
"""

HasDied = Callable[[str], bool]
"""Whether the replica of that name is certainly gone; False where nothing is known."""

IsAlone = Callable[[], bool]
"""Whether no other replica was heard of lately."""

PluginFactory = Callable[[Provider], ProviderPlugin | None]
"""The adapter for a provider as configured; None when this server has none for its type. Raises
InvalidInput for a config that the adapter cannot take.
"""


Trial = Callable[[Provider], AbstractAsyncContextManager[ProviderPlugin | None]]
"""The adapter for a provider that is tried out, for as long as the context is open; nothing stays of it. None
when this server has none for its type. Raises InvalidInput.
"""


def nobody_has_died(replica: str) -> bool:
    """For where one cannot look at other replicas."""
    return False


def always_alone() -> bool:
    """For a replica that has no way to hear of others."""
    return True


def no_hint(kind: str) -> None:
    """For a replica that is alone."""


class Transaction(Protocol):
    """The stores, all inside one transaction.

    Locks are taken in the order jobs (with their leases), workers, the rest, and within one kind by id, so
    that no two of our transactions can wait for each other.
    """

    @property
    def jobs(self) -> JobStore: ...
    @property
    def queue(self) -> JobQueue: ...
    @property
    def job_views(self) -> JobViews: ...
    @property
    def leases(self) -> LeaseStore: ...
    @property
    def clocks(self) -> ClockViews: ...
    @property
    def workers(self) -> WorkerStore: ...
    @property
    def otps(self) -> OtpStore: ...
    @property
    def sessions(self) -> SessionStore: ...
    @property
    def providers(self) -> ProviderStore: ...
    @property
    def logs(self) -> LogStore: ...
    @property
    def history(self) -> HistoryStore: ...
    @property
    def audit(self) -> AuditTrail: ...
    @property
    def leaders(self) -> LeaderStore: ...
    @property
    def settings(self) -> SettingsStore: ...
    @property
    def metrics(self) -> MetricsStore: ...


UnitOfWork = Callable[[], AbstractAsyncContextManager[Transaction]]
"""Begin a transaction: it commits on a clean exit and is rolled back when an exception leaves it.

Raises StoreUnavailable, at the beginning, at the end or in between, when the store cannot be reached. After
one that was raised by the commit nothing is known; everything the application writes may be repeated.
"""
