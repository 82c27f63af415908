"""Whether a database is one that we may work in: looked at before anything is written to it."""

from __future__ import annotations

import re
from typing import Any, LiteralString

import psycopg
from hodei_domain.kernel.errors import Kind, Unavailable

from hodei_infrastructure.migrations.files import head, revisions
from hodei_infrastructure.postgres.refusals import DatabaseRefused

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

OLDEST = 14  # the major version of Postgres; 13 is no longer maintained, and lacks SET COMPRESSION
_OWN = "give Hodei a database of its own: CREATE DATABASE … OWNER …"
_TABLE = re.compile(r"^CREATE (?:UNLOGGED )?TABLE (\w+)", re.MULTILINE)

_PRESENT = "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NOT NULL"
_VERSIONS = "SELECT version_num FROM alembic_version LIMIT 3"
_MAY_CREATE = (
    "SELECT current_schema(), current_user, has_schema_privilege(current_schema(), 'CREATE'), "
    "current_setting('search_path')"
)
_LACKING = """
SELECT string_agg(DISTINCT privilege, ', '), min(name) FROM unnest(%s::text[]) AS name,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
WHERE to_regclass(quote_ident(name)) IS NOT NULL
    AND NOT has_table_privilege(to_regclass(quote_ident(name)), privilege)
"""


class PostgresTooOld(Unavailable):
    """The server's version is not supported."""

    kind, code = Kind.UNAVAILABLE, "store.postgres-too-old"


class SchemaTooNew(Unavailable):
    """A newer release has changed the database in a way that this one does not know."""

    kind, code = Kind.UNAVAILABLE, "store.schema-too-new"


def refuse_old(version: int) -> None:
    """Raise PostgresTooOld for a server version, as the driver numbers it, that we do not work with."""
    if version < OLDEST * 10000:
        raise PostgresTooOld(
            f"the database server is Postgres {version // 10000}; Hodei needs {OLDEST} or newer"
        )


def refuse_encoding(encoding: str | None) -> None:
    """Raise DatabaseRefused for a database that cannot keep every text."""
    if encoding not in (None, "UTF8"):
        raise DatabaseRefused(
            f"the database is in {encoding}, which cannot keep every text; make one in UTF8: "
            "CREATE DATABASE … ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0"
        )


def our_tables() -> list[str]:
    """The names of all tables that our revisions make."""
    return [name for revision in revisions() for name in _TABLE.findall(revision.sql)]


async def version_of(connection: Connection) -> str | None:
    """The revision of a database, None if it has no schema yet.

    Raise DatabaseRefused where the tables, or that of versions, are another program's; SchemaTooNew.
    """
    if not await _present(connection, ["alembic_version"]):
        if foreign := await _present(connection, our_tables()):
            raise DatabaseRefused(f"the database has a table {foreign[0]} that is not Hodei's; {_OWN}")
        return None
    found = [str(row[0]) for row in await _all(connection, _VERSIONS)]
    if len(found) != 1 or not _is_ours(found[0]):
        what = ", ".join(found) or "no revision"
        raise DatabaseRefused(f"the table alembic_version ({what}) is not Hodei's; {_OWN}")
    await _compare(connection, found[0])
    return found[0]


def _is_ours(version: str) -> bool:
    return len(version) == len(head()) and version.isdigit()


async def _compare(connection: Connection, version: str) -> None:
    """Another program may number its revisions as we do; it has other tables."""
    first = _TABLE.findall(revisions()[0].sql)
    lacking = set(first) - set(await _present(connection, first))
    if version > f"{int(head()) + 1:0{len(head())}d}":
        if len(lacking) < len(first):
            raise SchemaTooNew(
                f"the database has schema {version}, this release knows {head()}: it was upgraded by a newer "
                "release. Start that one"
            )
        raise DatabaseRefused(f"the table alembic_version ({version}) is not Hodei's; {_OWN}")
    if lacking:
        what = f"alembic_version says {version}, and the table {min(lacking)} is not there"
        raise DatabaseRefused(f"the database is not Hodei's, or incomplete: {what}; {_OWN}")


async def refuse_missing_rights(connection: Connection, *, upgrade: bool) -> None:
    """Raise DatabaseRefused with the right that is missing, and on what."""
    [(schema, user, may_create, path)] = await _all(connection, _MAY_CREATE)
    if schema is None:
        raise DatabaseRefused(f"search_path ({path}) names no schema that is there; CREATE SCHEMA makes it")
    if upgrade and not may_create:
        raise DatabaseRefused(
            f"the user {user} lacks the right CREATE on schema {schema}; "
            f"GRANT CREATE ON SCHEMA {schema} TO {user} gives it"
        )
    [(rights, table)] = await _all(connection, _LACKING, our_tables())
    if rights:
        raise DatabaseRefused(
            f"the user {user} lacks the right {rights} on table {table}; "
            f"GRANT {rights} ON ALL TABLES IN SCHEMA {schema} TO {user} gives it"
        )


async def _present(connection: Connection, names: list[str]) -> list[str]:
    return [str(row[0]) for row in await _all(connection, _PRESENT, names)]


async def _all(connection: Connection, query: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query, values or None, prepare=False)).fetchall()
