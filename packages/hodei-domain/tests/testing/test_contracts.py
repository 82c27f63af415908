"""Every contract, run on the fakes."""

import inspect

import pytest
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.testing import contracts
from hodei_domain.testing.contracts.base import redefined_tests
from hodei_domain.testing.fakes import MemoryStore, MemoryUnitOfWork, ScriptedProvider
from hodei_domain.testing.stores import Begin


class InMemory:
    @pytest.fixture
    def begin(self) -> Begin:
        return MemoryUnitOfWork(MemoryStore())


class TestMemoryUnitOfWork(InMemory, contracts.UnitOfWorkContract):
    pass


class TestMemoryJobs(InMemory, contracts.JobStoreContract):
    pass


class TestMemoryQueue(InMemory, contracts.JobQueueContract):
    pass


class TestMemoryJobViews(InMemory, contracts.JobViewsContract):
    pass


class TestMemoryClockViews(InMemory, contracts.ClockViewsContract):
    pass


class TestMemoryLeases(InMemory, contracts.LeaseStoreContract):
    pass


class TestMemoryWorkers(InMemory, contracts.WorkerStoreContract):
    pass


class TestMemoryOtps(InMemory, contracts.OtpStoreContract):
    pass


class TestMemorySessions(InMemory, contracts.SessionStoreContract):
    pass


class TestMemoryProviders(InMemory, contracts.ProviderStoreContract):
    pass


class TestMemoryLogs(InMemory, contracts.LogStoreContract):
    pass


class TestMemoryHistory(InMemory, contracts.HistoryStoreContract):
    pass


class TestMemoryAuditTrail(InMemory, contracts.AuditTrailContract):
    pass


class TestMemoryMetrics(InMemory, contracts.MetricsStoreContract):
    pass


class TestMemoryLeaders(InMemory, contracts.LeaderStoreContract):
    pass


class TestMemorySettings(InMemory, contracts.SettingsStoreContract):
    pass


class TestScriptedProvider(contracts.WorkerProviderContract):
    @pytest.fixture
    def impossible(self) -> DemandClass:
        return DemandClass(image="impossible")

    @pytest.fixture
    def plugin(self, impossible: DemandClass) -> ProviderPlugin:
        return ScriptedProvider(refusals={impossible.key: "no such image"}).plugin


def test_every_contract_runs_on_a_fake_and_none_of_its_tests_is_redefined() -> None:
    suites = [
        suite for name, suite in globals().items() if name.startswith("Test") and inspect.isclass(suite)
    ]
    covered = {base for suite in suites for base in suite.__mro__}
    for name in contracts.__all__:
        assert getattr(contracts, name) in covered, f"{name} runs on no fake"
    assert [found for suite in suites for found in redefined_tests(suite)] == []


def test_a_redefined_test_is_noticed() -> None:
    class TestCheat(contracts.SettingsStoreContract):
        async def test_an_unknown_name_has_none(self, begin: Begin) -> None:
            pass

    assert redefined_tests(TestCheat) == ["TestCheat.test_an_unknown_name_has_none"]
