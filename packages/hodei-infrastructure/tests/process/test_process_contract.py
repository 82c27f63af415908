"""The process provider keeps what every provider promises, with stand-ins and with real agents."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.testing import contracts
from hodei_domain.testing.contracts.base import redefined_tests
from hodei_infrastructure import system
from hodei_infrastructure.machine import look_at_machine
from hodei_infrastructure.process.provider import ProcessProvider

WAIT = (sys.executable, "-c", "import signal; signal.pause()")


class TestProcessProvider(contracts.WorkerProviderContract):
    @pytest.fixture
    async def plugin(self, tmp_path: Path) -> AsyncIterator[ProviderPlugin]:
        provider = ProcessProvider(tmp_path / "workers", look_at_machine(tmp_path), system.now, WAIT)
        yield provider.plugin()
        for found in await provider.list_workers():
            await provider.destroy_worker(found.worker_id, timedelta(0))
        await provider.close()

    @pytest.fixture
    def impossible(self) -> DemandClass:
        return DemandClass(image="alpine:3.20")


class TestWithRealAgents(contracts.WorkerProviderContract):
    """The same with the agent as it is installed here; no server answers it."""

    @pytest.fixture
    async def plugin(self, tmp_path: Path) -> AsyncIterator[ProviderPlugin]:
        provider = ProcessProvider(tmp_path / "workers", look_at_machine(tmp_path), system.now)
        yield provider.plugin()
        for found in await provider.list_workers():
            await provider.destroy_worker(found.worker_id, timedelta(0))
        await provider.close()


@pytest.mark.parametrize("suite", [TestProcessProvider, TestWithRealAgents])
def test_no_promise_is_redefined(suite: type) -> None:
    assert redefined_tests(suite) == []
