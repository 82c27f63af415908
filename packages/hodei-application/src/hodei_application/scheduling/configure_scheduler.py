"""Change the scheduler while it runs."""

from __future__ import annotations

import logging

from attrs import frozen
from hodei_domain.scheduling.config import SETTING, SchedulerConfig

from hodei_application.ports import Clock, UnitOfWork
from hodei_application.scheduling.events import SCHEDULER, SchedulerConfigured
from hodei_application.scheduling.live_config import LiveConfig
from hodei_application.signals import DEMAND, Signals

log = logging.getLogger("hodei.scheduling")


@frozen(kw_only=True)
class ConfigureScheduler:
    """Set what a document names and leave the rest; it holds for all replicas, here at once. Raises
    InvalidInput.
    """

    begin: UnitOfWork
    now: Clock
    config: LiveConfig
    signals: Signals

    async def __call__(self, wanted: SchedulerConfig, *, by: str = "") -> SchedulerConfig:
        async with self.begin() as tx:
            await self.config.load(tx)
            before, told = self.config.now.to_json(), wanted.to_json()
            changes = {name: (before.get(name), value) for name, value in told.items()}
            changes = {name: pair for name, pair in changes.items() if pair[0] != pair[1]}
            await tx.settings.put(SETTING, told)
            if changes:
                event = SchedulerConfigured(
                    at=self.now(), correlation_id=SCHEDULER, actor=by or None, changes=changes
                )
                await tx.audit.record([event])
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
