"""The Docker provider keeps what every provider promises, on a real engine with real agents."""

from __future__ import annotations

import pytest
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.values import Resources
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.testing import contracts
from hodei_domain.testing.contracts.base import redefined_tests
from hodei_infrastructure.docker.testing import MakeProvider


class TestDockerProvider(contracts.WorkerProviderContract):
    @pytest.fixture
    async def plugin(self, make_provider: MakeProvider) -> ProviderPlugin:
        provider = make_provider()
        await provider.look()
        return provider.plugin()

    @pytest.fixture
    def impossible(self) -> DemandClass:
        return DemandClass(image="alpine:3.20", resources=Resources(memory_mib=2**30))


def test_no_promise_is_redefined() -> None:
    assert redefined_tests(TestDockerProvider) == []
