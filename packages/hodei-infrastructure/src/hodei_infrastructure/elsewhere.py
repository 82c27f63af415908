"""Providers of other machines: what can be known of them from here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import NoReturn

from attrs import frozen
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.providers.errors import ProviderUnavailable
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.provider import Provider, ProviderType
from hodei_domain.providers.records import FoundWorker, Health, Presence
from hodei_domain.workers.spec import WorkerSpec

from hodei_infrastructure.docker.config import read_config

DEFAULT_IMAGE = "hodei.default-image"
"""The label of a provider that has an image for jobs that name none."""

HINTED = timedelta(milliseconds=50)
"""Until the server there has heard that a worker is wanted: with all else equal the nearer one is chosen."""

STARTUP: Mapping[ProviderType, timedelta] = MappingProxyType(
    {
        ProviderType.BARE_METAL: timedelta(milliseconds=300),
        ProviderType.DOCKER: timedelta(seconds=1),
    }
)
"""Guesses, as those with which the adapters begin."""


@frozen
class Elsewhere:
    """Serves the ports of a provider of another machine: says what could be made there, and reaches nothing.

    What its machine can give is in the row's capabilities, which its own server keeps up to date.
    """

    provider: Provider

    async def create_worker(self, spec: WorkerSpec, otp: str) -> None:
        """See WorkerLifecycle."""
        self._refuse()

    async def worker_status(self, id: WorkerId) -> Presence:
        """See WorkerLifecycle."""
        self._refuse()

    async def destroy_worker(self, id: WorkerId, grace: timedelta) -> None:
        """See WorkerLifecycle."""
        self._refuse()

    async def list_workers(self) -> list[FoundWorker]:
        """See WorkerInventory."""
        self._refuse()

    async def worker_logs(self, id: WorkerId, tail: int) -> list[str]:
        """See WorkerLogs."""
        self._refuse()

    async def check_health(self) -> Health:
        """See WorkerHealth."""
        return Health(healthy=False, message=self._words())

    def why_not(self, demand: DemandClass) -> str | None:
        """Jobs without an image where an engine has no default one; all else is in the capabilities."""
        if self.provider.type is not ProviderType.DOCKER or demand.image:
            return None
        told = read_config(self.provider.config).default_image
        if told or DEFAULT_IMAGE in self.provider.capabilities.labels:
            return None
        return "has no default image for jobs that name none; HODEI_WORKER_IMAGE sets it there"

    def estimate_cost(self, demand: DemandClass) -> float:
        """Nothing: the machine is there already."""
        return 0.0

    def startup_time(self, demand: DemandClass) -> timedelta:
        """A guess."""
        return STARTUP[self.provider.type] + HINTED

    def plugin(self) -> ProviderPlugin:
        """All ports, as the application takes them. Raises InvalidInput for a config that cannot be taken."""
        if self.provider.type is ProviderType.DOCKER:
            read_config(self.provider.config)
        return ProviderPlugin(
            name=self.provider.name,
            type=self.provider.type,
            capabilities=self.provider.capabilities,
            lifecycle=self,
            inventory=self,
            eligibility=self,
            health=self,
            logs=self,
            cost=self,
            reachable=False,
        )

    def _words(self) -> str:
        host = self.provider.config.get("host", "another machine")
        return f"{self.provider.name} belongs to {host}: ask the server that runs there"

    def _refuse(self) -> NoReturn:
        raise ProviderUnavailable(self._words())
