"""Providers by id and name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg
from attrs import frozen
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import (
    ProviderAlreadyExists,
    ProviderChangedMeanwhile,
    ProviderInUse,
    ProviderNotFound,
)
from hodei_domain.providers.events import ProviderRemoved
from hodei_domain.providers.pools import Pool, PoolRules
from hodei_domain.providers.provider import Provider, ProviderStatus, ProviderType

from hodei_infrastructure.postgres.audit import PostgresAuditTrail
from hodei_infrastructure.postgres.documents import from_json, to_json
from hodei_infrastructure.postgres.session import Row, Session

_COLUMNS: LiteralString = (
    "id, name, type, status, enabled, priority, max_workers, failures, version, created_at, updated_at, "
    "checked_at, health_message, capabilities, tags, metadata, config, pools, placement"
)
_DOCUMENTS = ("capabilities", "tags", "metadata", "config", "pools", "placement")
_PLACEMENT = ("region", "labels", "cost_per_hour", "switched_off")
_TYPES: LiteralString = """base integer, id uuid, name text, type text, status text, enabled boolean,
    priority integer, max_workers integer, failures integer, version integer, created_at timestamptz,
    updated_at timestamptz, checked_at timestamptz, health_message text,
    capabilities jsonb, tags jsonb, metadata jsonb, config jsonb, pools jsonb,
    placement jsonb"""
_SET = ", ".join(f"{column} = d.{column}" for column in _COLUMNS.split(", ")[1:])
_SAVE = f"""
WITH d AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%s::json) AS d ({_TYPES})
), created AS (
    INSERT INTO providers ({_COLUMNS}) SELECT {_COLUMNS} FROM d WHERE base = 0
    ON CONFLICT (id) DO NOTHING RETURNING id
), moved AS (
    UPDATE providers SET {_SET} FROM d
    WHERE d.base > 0 AND providers.id = d.id AND providers.version = d.base RETURNING providers.id
)
SELECT (SELECT count(*) FROM created) + (SELECT count(*) FROM moved)
"""
_GET = f"SELECT {_COLUMNS} FROM providers WHERE id = %s"
_BY_NAME = f"SELECT {_COLUMNS} FROM providers WHERE name = %s"
_ALL = f"SELECT {_COLUMNS} FROM providers ORDER BY name"
_IN_USE = "SELECT 1 FROM workers WHERE ended_at IS NULL AND provider_id = %s LIMIT 1"
_DELETE = "DELETE FROM providers WHERE id = %s"


@frozen
class PostgresProviderStore:
    """ProviderStore."""

    _session: Session

    async def get(self, id: ProviderId) -> Provider:
        """See ProviderStore."""
        row = await self._session.row(_GET, (id,))
        if row is None:
            raise ProviderNotFound(f"there is no provider {id}")
        return _provider(row)

    async def by_name(self, name: str) -> Provider | None:
        """See ProviderStore."""
        row = await self._session.row(_BY_NAME, (name,))
        return None if row is None else _provider(row)

    async def list_all(self) -> list[Provider]:
        """See ProviderStore."""
        found = [_provider(row) for row in await self._session.rows(_ALL)]
        return sorted(found, key=lambda provider: provider.name)  # not by the database's collation

    async def save(self, changes: Sequence[Change[Provider]]) -> None:
        """See ProviderStore."""
        moved = sorted((change for change in changes if not change.is_same), key=lambda c: c.after.id)
        if not moved:
            return
        try:
            saved = await self._session.value(_SAVE, (to_json([_row(c) for c in moved]).decode(),))
        except psycopg.errors.UniqueViolation:
            taken = ", ".join(change.after.name for change in moved)
            raise ProviderAlreadyExists(f"there is a provider {taken} already") from None
        if saved < len(moved):
            raise self._session.refuse(ProviderChangedMeanwhile("a provider changed meanwhile"))
        await PostgresAuditTrail(self._session).record([event for c in moved for event in c.events])

    async def delete(self, id: ProviderId, event: ProviderRemoved) -> None:
        """See ProviderStore."""
        provider = await self.get(id)
        if await self._session.row(_IN_USE, (id,)) is not None:
            raise ProviderInUse(f"provider {provider.name} still has workers")
        await self._session.run(_DELETE, (id,))
        await PostgresAuditTrail(self._session).record([event])


def _row(change: Change[Provider]) -> dict[str, Any]:
    provider = change.after
    return {
        "base": change.base,
        "id": provider.id,
        "name": provider.name,
        "type": provider.type,
        "status": provider.status,
        "enabled": provider.enabled,
        "priority": provider.priority,
        "max_workers": provider.max_workers,
        "failures": provider.failures,
        "version": provider.version,
        "created_at": provider.created_at,
        "updated_at": provider.updated_at,
        "checked_at": provider.checked_at,
        "health_message": provider.health_message,
        "capabilities": provider.capabilities.to_json(),
        "tags": provider.tags,
        "metadata": provider.metadata,
        "config": provider.config,
        "pools": {
            "rules": provider.pool.to_json(),
            "pools": [pool.to_json() for pool in provider.pools],
        },
        "placement": {name: getattr(provider, name) for name in _PLACEMENT},
    }


def _provider(row: Row) -> Provider:
    fields = dict(zip(_COLUMNS.split(", "), row, strict=True))
    fields |= {name: from_json(fields[name]) for name in _DOCUMENTS}
    pools, placement = fields.pop("pools"), fields.pop("placement")  # an older server leaves both empty
    return Provider(
        **fields
        | {name: placement[name] for name in _PLACEMENT if name in placement}
        | {
            "id": ProviderId(fields["id"]),
            "type": ProviderType(fields["type"]),
            "status": ProviderStatus(fields["status"]),
            "capabilities": Capabilities.from_json(fields["capabilities"]),
            "pool": PoolRules.from_json(pools.get("rules", {})),
            "pools": [Pool.from_json(pool) for pool in pools.get("pools", ())],
        }
    )
