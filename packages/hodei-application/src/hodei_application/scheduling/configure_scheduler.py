"""Change the scheduler while it runs."""

from __future__ import annotations

import logging

from attrs import frozen
from hodei_domain.scheduling.config import SETTING, SchedulerConfig

from hodei_application.ports import UnitOfWork
from hodei_application.scheduling.live_config import LiveConfig
from hodei_application.signals import DEMAND, Signals

log = logging.getLogger("hodei.scheduling")


@frozen(kw_only=True)
class ConfigureScheduler:
    """Set what a document names and leave the rest; it holds for all replicas, here at once. Raises
    InvalidInput.
    """

    begin: UnitOfWork
    config: LiveConfig
    signals: Signals

    async def __call__(self, wanted: SchedulerConfig) -> SchedulerConfig:
        async with self.begin() as tx:
            await tx.settings.put(SETTING, wanted.to_json())
        self.config.now = wanted
        log.info("The scheduler was configured: %s", wanted)
        self.signals.room()
        self.signals.work()
        self.signals.tell_others(DEMAND)
        return wanted


@frozen
class ReadSchedulerConfig:
    """How the scheduler decides at present, as any replica may have set it."""

    begin: UnitOfWork
    config: LiveConfig

    async def __call__(self) -> SchedulerConfig:
        async with self.begin() as tx:
            await self.config.load(tx)
        return self.config.now
