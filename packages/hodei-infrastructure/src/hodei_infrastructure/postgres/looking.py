"""What can be said of a database by connecting to it once; nothing is changed."""

from __future__ import annotations

import psycopg
from hodei_domain.kernel.errors import StoreUnavailable

from hodei_infrastructure.migrations.files import head
from hodei_infrastructure.migrations.fitness import (
    refuse_encoding,
    refuse_missing_rights,
    refuse_old,
    version_of,
)
from hodei_infrastructure.postgres.connections import parameters
from hodei_infrastructure.postgres.refusals import final, said

ANSWERS_WITHIN_S = "5"


async def _look(url: str) -> str:
    told = parameters(url)
    async with await psycopg.AsyncConnection.connect(
        **{**told, "connect_timeout": ANSWERS_WITHIN_S}
    ) as connection:
        refuse_old(connection.info.server_version)
        refuse_encoding(connection.info.parameter_status("server_encoding"))
        version = await version_of(connection)
        await refuse_missing_rights(connection, upgrade=version is None or version < head())
        server = connection.info.parameter_status("server_version") or "?"
    schema = "empty" if version is None else f"schema {version}"
    return f"Postgres {server.split()[0]}, {schema}, this release has {head()}"


def look(url: str) -> str:
    """Version and schema. Raise DatabaseRefused, SchemaTooNew, PostgresTooOld, StoreUnavailable."""
    import asyncio

    try:
        return asyncio.run(_look(url))
    except psycopg.Error as error:
        if (refused := final(error)) is not None:
            raise refused from None
        raise StoreUnavailable(f"the database does not answer: {said(error)}") from None
