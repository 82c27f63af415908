"""Contract suites: one class of tests per port.

An adapter subclasses each and gives the fixtures; it overrides no test.

Store suites need the fixture `begin`, a unit of work over an empty store; a real one gives each call a
connection of its own, so that what races here races there. `WorkerProviderContract` needs `plugin` and
`make_spec`.
"""

from hodei_domain.testing.contracts.audit import AuditTrailContract
from hodei_domain.testing.contracts.history import HistoryStoreContract
from hodei_domain.testing.contracts.job_store import JobStoreContract
from hodei_domain.testing.contracts.job_views import ClockViewsContract, JobViewsContract
from hodei_domain.testing.contracts.leases import LeaseStoreContract
from hodei_domain.testing.contracts.logs import LogStoreContract
from hodei_domain.testing.contracts.metrics import MetricsStoreContract
from hodei_domain.testing.contracts.plugin import WorkerProviderContract
from hodei_domain.testing.contracts.providers import ProviderStoreContract
from hodei_domain.testing.contracts.queue import JobQueueContract
from hodei_domain.testing.contracts.shared import LeaderStoreContract, SettingsStoreContract
from hodei_domain.testing.contracts.unit_of_work import UnitOfWorkContract
from hodei_domain.testing.contracts.workers import OtpStoreContract, SessionStoreContract, WorkerStoreContract

__all__ = [
    "AuditTrailContract",
    "ClockViewsContract",
    "HistoryStoreContract",
    "JobQueueContract",
    "JobStoreContract",
    "JobViewsContract",
    "LeaderStoreContract",
    "LeaseStoreContract",
    "LogStoreContract",
    "MetricsStoreContract",
    "OtpStoreContract",
    "ProviderStoreContract",
    "SessionStoreContract",
    "SettingsStoreContract",
    "UnitOfWorkContract",
    "WorkerProviderContract",
    "WorkerStoreContract",
]
