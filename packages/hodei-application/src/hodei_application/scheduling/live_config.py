"""The scheduler's configuration as all parts of this replica see it."""

from __future__ import annotations

from attrs import define
from hodei_domain.scheduling.config import SETTING, SchedulerConfig

from hodei_application.ports import Transaction


@define(eq=False)
class LiveConfig:
    """Holds the present configuration; whoever reads `now` at each decision follows a change at once."""

    default: SchedulerConfig
    now: SchedulerConfig

    @classmethod
    def of(cls, default: SchedulerConfig) -> LiveConfig:
        """With what the server was started with, until the store says otherwise."""
        return cls(default, default)

    async def load(self, tx: Transaction) -> None:
        """Take over what an operator has set, through whichever replica."""
        document = await tx.settings.get(SETTING)
        self.now = self.default if document is None else self.default.with_json(document)
