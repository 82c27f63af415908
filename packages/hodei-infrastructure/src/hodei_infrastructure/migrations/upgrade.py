"""Bring a database to the schema of this release, at every start and on several replicas at once.

It neither imports Alembic nor SQLAlchemy (half a second), but runs the same files and keeps the same version
table, so that `alembic` goes on working on the same database.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import psycopg

from hodei_infrastructure.migrations.files import LOCK, head, revisions
from hodei_infrastructure.migrations.fitness import (
    Connection,
    PostgresTooOld,
    SchemaTooNew,
    refuse_encoding,
    refuse_missing_rights,
    refuse_old,
    version_of,
)
from hodei_infrastructure.postgres.connections import parameters
from hodei_infrastructure.postgres.errors import translated

__all__ = ["PostgresTooOld", "SchemaTooNew", "current", "migrate", "refuse_old"]

logger = logging.getLogger("hodei.migrations")

GIVEN_UP_AFTER_MS = 1_000  # waiting for a table's lock: whoever comes after us waits behind us
PAUSE_S = 2.0  # between two tries, in which all those get their turn

_VERSIONS = (
    "CREATE TABLE IF NOT EXISTS alembic_version ("
    "version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
# Who has had a lock on a table of ours for the longest. What others run is not shown to every user.
_HOLDER = """
SELECT l.relation::regclass::text, a.pid, coalesce(nullif(a.application_name, ''), 'a session'), a.usename,
    to_char(a.xact_start AT TIME ZONE 'UTC', 'HH24:MI:SS')
FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation
WHERE l.granted AND l.pid <> pg_backend_pid() AND c.relkind = 'r'
    AND c.relnamespace = current_schema()::regnamespace
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY a.xact_start NULLS LAST LIMIT 1
"""


async def migrate(url: str) -> None:
    """Bring the schema to `head()`; nothing to do costs one connection and a few statements.

    A schema that is one revision ahead is accepted: each release works on the schema of the next, so that
    replicas can be replaced one by one. Where others are at it, or hold a table, it waits, says so, and keeps
    nobody from working meanwhile. Raise SchemaTooNew, PostgresTooOld, DatabaseRefused, StoreUnavailable.
    """
    said: set[str] = set()
    with translated():
        async with await psycopg.AsyncConnection.connect(**parameters(url)) as connection:
            refuse_old(connection.info.server_version)
            refuse_encoding(connection.info.parameter_status("server_encoding"))
            while (why := await _try(connection)) is not None:
                if why not in said:
                    logger.warning("waiting to upgrade the database: %s", why)
                    said.add(why)
                await asyncio.sleep(PAUSE_S)


async def current(connection: Connection) -> str | None:
    """The revision of a database, None if it has no schema yet. Raise DatabaseRefused, SchemaTooNew."""
    return await version_of(connection)


async def _try(connection: Connection) -> str | None:
    """Do what is to be done, in one transaction; None, or why not yet."""
    async with connection.transaction():
        done = _is_done(await current(connection))
        await refuse_missing_rights(connection, upgrade=not done)
    if done:
        return None
    try:
        async with connection.transaction():
            row = await _execute(connection, "SELECT pg_try_advisory_xact_lock(%s)", LOCK)
            if row != (True,):
                return "another server is upgrading it"
            await _upgrade(connection)
    except psycopg.errors.LockNotAvailable:
        async with connection.transaction():
            return await _holder(connection)
    return None


def _is_done(found: str | None) -> bool:
    return found is not None and found >= head()


async def _upgrade(connection: Connection) -> None:
    await connection.execute(f"SET LOCAL lock_timeout = {GIVEN_UP_AFTER_MS}", prepare=False)
    # Under the lock, and asked anew: another replica may have finished just now. This comes first, because
    # creating looks at the catalog as it is, while a mere look may be answered from the session's cache.
    found = await current(connection)
    if _is_done(found):
        return
    await connection.execute(_VERSIONS, prepare=False)
    for revision in revisions():
        if found is None or revision.number > found:
            logger.info("upgrading the database", extra={"revision": revision.number})
            await connection.execute(revision.sql.encode(), prepare=False)  # bytes: no parameters
    await connection.execute("DELETE FROM alembic_version", prepare=False)
    await connection.execute("INSERT INTO alembic_version VALUES (%s)", (head(),), prepare=False)


async def _holder(connection: Connection) -> str:
    row = await _execute(connection, _HOLDER)
    if row is None:
        return "somebody kept a table locked"
    table, pid, application, user, at = row
    since = "" if at is None else f", since {at} UTC"
    return f"{application} of {user} (process {pid}{since}) has table {table} locked"


async def _execute(connection: Connection, query: str, *values: object) -> tuple[Any, ...] | None:
    return await (await connection.execute(query.encode(), values or None, prepare=False)).fetchone()
