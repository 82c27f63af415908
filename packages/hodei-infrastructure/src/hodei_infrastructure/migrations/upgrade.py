"""Bring a database to the schema of this release, at every start and on several replicas at once.

It neither imports Alembic nor SQLAlchemy (half a second), but runs the same files and keeps the same version
table, so that `alembic` goes on working on the same database.
"""

from __future__ import annotations

import logging

import psycopg
from hodei_domain.kernel.errors import Kind, Unavailable

from hodei_infrastructure.migrations.files import LOCK, head, revisions
from hodei_infrastructure.postgres.errors import translated

logger = logging.getLogger("hodei.migrations")

_KNOWN = "SELECT to_regclass('alembic_version') IS NOT NULL"
_CURRENT = "SELECT version_num FROM alembic_version"
_VERSIONS = (
    "CREATE TABLE IF NOT EXISTS alembic_version ("
    "version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


OLDEST = 14  # the major version of Postgres; 13 is no longer maintained, and lacks SET COMPRESSION


class PostgresTooOld(Unavailable):
    """The server's version is not supported."""

    kind, code = Kind.UNAVAILABLE, "store.postgres-too-old"


class SchemaTooNew(Unavailable):
    """A newer release has changed the database in a way that this one does not know."""

    kind, code = Kind.UNAVAILABLE, "store.schema-too-new"


async def migrate(url: str) -> None:
    """Bring the schema to `head()`; nothing to do costs one connection and two statements.

    A schema that is one revision ahead is accepted: each release works on the schema of the next, so that
    replicas can be replaced one by one. Raise SchemaTooNew, PostgresTooOld, StoreUnavailable.
    """
    with translated():
        async with await psycopg.AsyncConnection.connect(url) as connection:
            refuse_old(connection.info.server_version)
            if _is_done(await current(connection)):
                return
            await connection.rollback()
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            await _upgrade(connection)


def refuse_old(version: int) -> None:
    """Raise PostgresTooOld for a server version, as the driver numbers it, that we do not work with."""
    if version < OLDEST * 10000:
        raise PostgresTooOld(
            f"the database server is Postgres {version // 10000}; Hodei needs {OLDEST} or newer"
        )


async def current(connection: psycopg.AsyncConnection) -> str | None:
    """The revision of a database, None if it has no schema yet."""
    row = await (await connection.execute(_KNOWN)).fetchone()
    if row is None or not row[0]:
        return None
    found = await (await connection.execute(_CURRENT)).fetchone()
    return None if found is None else str(found[0])


def _is_done(found: str | None) -> bool:
    if found is None or found < head():
        return False
    if found.isdigit() and int(found) <= int(head()) + 1:
        return True
    raise SchemaTooNew(
        f"the database has schema {found}, this release knows {head()}: it was upgraded by a newer release. "
        "Start that one"
    )


async def _upgrade(connection: psycopg.AsyncConnection) -> None:
    # Under the lock, and asked anew: another replica may have finished just now. This comes first, because
    # creating looks at the catalog as it is, while a mere look may be answered from the session's cache.
    await connection.execute(_VERSIONS)
    found = await current(connection)
    if _is_done(found):
        return
    for revision in revisions():
        if found is None or revision.number > found:
            logger.info("upgrading the database", extra={"revision": revision.number})
            await connection.execute(revision.sql.encode())  # bytes: not a template, no parameters
    await connection.execute("DELETE FROM alembic_version")
    await connection.execute("INSERT INTO alembic_version VALUES (%s)", (head(),))
