"""Time, ids and secrets that tests decide on."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from attrs import define

from hodei_domain.kernel.ids import uuid7

START = datetime(2025, 1, 1, 12, tzinfo=UTC)


@define
class FixedClock:
    """A clock that stands still until it is moved. Call it to read it."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def advance(self, duration: timedelta) -> datetime:
        """Move it on, or back by a negative duration; returns the new time."""
        self.at += duration
        return self.at


@define
class SeqIds:
    """UUIDs in rising order: 1, 2, 3 …"""

    count: int = 0

    def __call__(self) -> UUID:
        self.count += 1
        return uuid7(int(START.timestamp() * 1000), self.count)


@define
class SeqSecrets:
    """Bytes that nobody else has got from it before."""

    count: int = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")
