"""Every store contract of the domain, on a real Postgres."""

from __future__ import annotations

import inspect

import pytest
from hodei_domain.testing import contracts
from hodei_domain.testing.contracts.base import redefined_tests
from hodei_domain.testing.stores import Begin
from hodei_infrastructure.postgres.store import PostgresStore

pytestmark = pytest.mark.postgres

NOT_A_STORE = {"WorkerProviderContract"}


class OnPostgres:
    @pytest.fixture
    def begin(self, postgres_store: PostgresStore) -> Begin:
        return postgres_store.begin


class TestPostgresUnitOfWork(OnPostgres, contracts.UnitOfWorkContract):
    pass


class TestPostgresJobStore(OnPostgres, contracts.JobStoreContract):
    pass


class TestPostgresJobQueue(OnPostgres, contracts.JobQueueContract):
    pass


class TestPostgresJobViews(OnPostgres, contracts.JobViewsContract):
    pass


class TestPostgresClockViews(OnPostgres, contracts.ClockViewsContract):
    pass


class TestPostgresLeases(OnPostgres, contracts.LeaseStoreContract):
    pass


class TestPostgresWorkers(OnPostgres, contracts.WorkerStoreContract):
    pass


class TestPostgresOtps(OnPostgres, contracts.OtpStoreContract):
    pass


class TestPostgresSessions(OnPostgres, contracts.SessionStoreContract):
    pass


class TestPostgresProviders(OnPostgres, contracts.ProviderStoreContract):
    pass


class TestPostgresLogs(OnPostgres, contracts.LogStoreContract):
    pass


class TestPostgresHistory(OnPostgres, contracts.HistoryStoreContract):
    pass


class TestPostgresAuditTrail(OnPostgres, contracts.AuditTrailContract):
    pass


class TestPostgresMetrics(OnPostgres, contracts.MetricsStoreContract):
    pass


class TestPostgresLeaders(OnPostgres, contracts.LeaderStoreContract):
    pass


class TestPostgresSettings(OnPostgres, contracts.SettingsStoreContract):
    pass


def test_every_store_contract_runs_here_and_none_of_its_tests_is_redefined() -> None:
    suites = [
        suite for name, suite in globals().items() if name.startswith("Test") and inspect.isclass(suite)
    ]
    covered = {base for suite in suites for base in suite.__mro__}
    for name in set(contracts.__all__) - NOT_A_STORE:
        assert getattr(contracts, name) in covered, f"{name} does not run on Postgres"
    assert [found for suite in suites for found in redefined_tests(suite)] == []
