"""All store ports behind one transaction, as fakes and contract suites see them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from hodei_domain.audit.ports import AuditTrail
from hodei_domain.jobs.history import HistoryStore
from hodei_domain.jobs.ports import ClockViews, JobQueue, JobStore, JobViews, LeaseStore
from hodei_domain.logs.ports import LogStore
from hodei_domain.metrics.ports import MetricsStore
from hodei_domain.providers.ports import ProviderStore
from hodei_domain.scheduling.ports import LeaderStore, SettingsStore
from hodei_domain.workers.ports import OtpStore, SessionStore, WorkerStore


class Stores(Protocol):
    """The stores of one transaction: it commits on a clean exit and rolls back on an exception."""

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


Begin = Callable[[], AbstractAsyncContextManager[Stores]]
