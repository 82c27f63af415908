"""What all replicas share: who leads, and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from attrs import frozen

from hodei_infrastructure.postgres.documents import from_json, to_json
from hodei_infrastructure.postgres.session import Session

# Ours, or free: the row is locked while the condition is judged, so of two that race the second sees the
# first.
_ACQUIRE = """
INSERT INTO leader_leases AS l (name, holder, epoch, expires_at)
SELECT name, %(holder)s, 1, now() + %(ttl)s FROM unnest(%(names)s::text[]) AS name ORDER BY name
ON CONFLICT (name) DO UPDATE SET
    holder = excluded.holder,
    epoch = l.epoch + (l.expires_at <= now() OR l.expires_at > now() + 2 * %(ttl)s)::integer,
    expires_at = excluded.expires_at
WHERE l.holder = excluded.holder OR l.expires_at <= now() OR l.expires_at > now() + 2 * %(ttl)s
RETURNING name, epoch
"""
_HOLDER = "SELECT holder FROM leader_leases WHERE name = %s"
_HOLDERS = "SELECT name, holder FROM leader_leases WHERE expires_at > now() AND expires_at <= now() + 2 * %s"
_RELEASE = "UPDATE leader_leases SET expires_at = now() WHERE name = %s AND holder = %s"

_GET = "SELECT document FROM settings WHERE name = %s"
_PUT = """
INSERT INTO settings (name, document) VALUES (%s, %s::jsonb)
ON CONFLICT (name) DO UPDATE SET document = excluded.document
"""

# The second branch is for a row that is there; an update of nothing waits for who is writing it just now.
_PUT_IF_ABSENT = """
INSERT INTO settings AS s (name, document) VALUES (%s, %s::jsonb)
ON CONFLICT (name) DO UPDATE SET document = s.document
RETURNING document
"""


@frozen
class PostgresLeaderStore:
    """LeaderStore."""

    _session: Session

    async def acquire(self, name: str, holder: str, ttl: timedelta) -> int | None:
        """See LeaderStore."""
        return (await self.acquire_all([name], holder, ttl)).get(name)

    async def acquire_all(self, names: Sequence[str], holder: str, ttl: timedelta) -> Mapping[str, int]:
        """See LeaderStore."""
        wanted = {"names": list(names), "holder": holder, "ttl": ttl}
        epochs: dict[str, int] = dict(await self._session.rows(_ACQUIRE, wanted))
        return epochs

    async def holder(self, name: str) -> str | None:
        """See LeaderStore."""
        holder: str | None = await self._session.value(_HOLDER, (name,))
        return holder

    async def holders(self, ttl: timedelta) -> Mapping[str, str]:
        """See LeaderStore."""
        found: dict[str, str] = dict(await self._session.rows(_HOLDERS, (ttl,)))
        return found

    async def release(self, name: str, holder: str) -> None:
        """See LeaderStore."""
        await self._session.run(_RELEASE, (name, holder))


@frozen
class PostgresSettingsStore:
    """SettingsStore."""

    _session: Session

    async def get(self, name: str) -> Any | None:
        """See SettingsStore."""
        text = await self._session.value(_GET, (name,))
        return None if text is None else from_json(text)

    async def put(self, name: str, document: Any) -> None:
        """See SettingsStore."""
        await self._session.run(_PUT, (name, to_json(document).decode()))

    async def put_if_absent(self, name: str, document: Any) -> Any:
        """See SettingsStore."""
        return from_json(await self._session.value(_PUT_IF_ABSENT, (name, to_json(document).decode())))
