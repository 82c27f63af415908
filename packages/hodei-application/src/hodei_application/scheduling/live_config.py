"""The scheduler's configuration as all parts of this replica see it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from attrs import define, field
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.scheduling.config import SETTING, SchedulerConfig

from hodei_application.ports import Transaction

log = logging.getLogger("hodei.scheduling")


@define(eq=False)
class LiveConfig:
    """Holds the present configuration; whoever reads `now` at each decision follows a change at once."""

    default: SchedulerConfig
    now: SchedulerConfig
    _refused: set[str] = field(factory=set, init=False)

    @classmethod
    def of(cls, default: SchedulerConfig) -> LiveConfig:
        """With what the server was started with, until the store says otherwise."""
        return cls(default, default)

    async def load(self, tx: Transaction) -> None:
        """Take over what an operator has set, through whichever replica."""
        document = await tx.settings.get(SETTING)
        self.now = self._over_default(document or {})

    def _over_default(self, document: Mapping[str, Any]) -> SchedulerConfig:
        """What an older or a newer server has kept and this one would refuse is passed over."""
        config, refused = self.default, set()
        for name, value in document.items():
            try:
                config = config.with_json({name: value})
            except InvalidInput as refusal:
                refused.add(refusal.message)
        for message in sorted(refused - self._refused):
            log.warning("A setting of the scheduler is not taken over: %s", message)
        self._refused = refused
        return config
