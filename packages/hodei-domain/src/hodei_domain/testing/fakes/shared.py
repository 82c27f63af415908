"""Leader leases and settings in memory."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any

from attrs import frozen

from hodei_domain.testing.fakes.holder import OfTransaction
from hodei_domain.testing.fakes.tables import LeaderRow


@frozen
class MemoryLeaders(OfTransaction):
    """LeaderStore."""

    async def acquire(self, name: str, holder: str, ttl: timedelta) -> int | None:
        """See LeaderStore."""
        now, row = self.tables.now(), self.tables.leaders.rows.get(name)
        epoch = 1 if row is None else row.epoch
        if row is not None and now < row.until <= now + 2 * ttl:
            if row.holder != holder:
                return None
        elif row is not None:
            epoch += 1
        self.tables.leaders.put(name, LeaderRow(holder, epoch, now + ttl))
        return epoch

    async def acquire_all(self, names: Sequence[str], holder: str, ttl: timedelta) -> Mapping[str, int]:
        """See LeaderStore."""
        epochs = {name: await self.acquire(name, holder, ttl) for name in sorted(names)}
        return {name: epoch for name, epoch in epochs.items() if epoch is not None}

    async def holder(self, name: str) -> str | None:
        """See LeaderStore."""
        row = self.tables.leaders.rows.get(name)
        return None if row is None else row.holder

    async def holders(self, ttl: timedelta) -> Mapping[str, str]:
        """See LeaderStore."""
        now = self.tables.now()
        rows = self.tables.leaders.rows.items()
        return {name: row.holder for name, row in rows if now < row.until <= now + 2 * ttl}

    async def release(self, name: str, holder: str) -> None:
        """See LeaderStore."""
        row = self.tables.leaders.rows.get(name)
        if row is not None and row.holder == holder:
            self.tables.leaders.put(name, LeaderRow(holder, row.epoch, self.tables.now()))


@frozen
class MemorySettings(OfTransaction):
    """SettingsStore. Documents are copied, as through JSON."""

    async def get(self, name: str) -> Any | None:
        """See SettingsStore."""
        return deepcopy(self.tables.settings.rows.get(name))

    async def put(self, name: str, document: Any) -> None:
        """See SettingsStore."""
        self.tables.settings.put(name, deepcopy(document))

    async def put_if_absent(self, name: str, document: Any) -> Any:
        """See SettingsStore."""
        if name not in self.tables.settings.rows:
            self.tables.settings.put(name, deepcopy(document))
        return deepcopy(self.tables.settings.rows[name])
