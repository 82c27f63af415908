"""Time, identity and chance, from the operating system. Tests bring their own."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from uuid import UUID

from hodei_domain.kernel.ids import uuid7


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A fresh UUID of version 7: ids sort by the time they were made."""
    return uuid7(time.time_ns() // 1_000_000, secrets.randbits(74))


def secret_bytes(count: int) -> bytes:
    """Bytes that nobody can guess."""
    return secrets.token_bytes(count)
