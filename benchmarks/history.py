"""A database with many finished jobs: real ones, copied with new ids and earlier times.

Copying what the platform itself has written keeps every column and every document as it really is, whatever
the tables look like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import LiteralString

import psycopg
from attrs import frozen

AT_A_TIME = 50_000
DAYS = 60


@frozen
class Copied:
    """A table whose rows belong to jobs. `own` are columns that get other values than the original's."""

    name: str
    key: str  # what of the row names the job, as a uuid
    own: Mapping[str, str]
    condition: str = "true"


TABLES: Sequence[Copied] = (
    Copied("jobs", "t.id", {"id": "c.new"}, "t.completed_at IS NOT NULL AND t.idempotency_key IS NULL"),
    Copied("job_specs", "t.job_id", {"job_id": "c.new"}),
    Copied("job_attempts", "t.job_id", {"job_id": "c.new"}),
    Copied("job_log_chunks", "t.job_id", {"job_id": "c.new"}),
    Copied(
        "audit_logs",
        "t.correlation_id::uuid",
        {"id": "gen_random_uuid()", "correlation_id": "c.new::text"},
        "t.event_type LIKE 'Job%'",
    ),
)
# Ids like those of new jobs: they begin with the time, so that the index grows as it does in real life.
_CLONES = """
INSERT INTO benchmark_clones
SELECT o.id, (lpad(to_hex(ms), 12, '0') || '7' || substr(noise, 1, 3) || '8' || substr(noise, 4, 15))::uuid,
    now() - to_timestamp(ms / 1000.0)
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
JOIN benchmark_originals o ON o.number = n %% %(originals)s
CROSS JOIN LATERAL (SELECT md5(n::text || random()::text) AS noise, (1000 * extract(epoch FROM
    now() - %(days)s * (1 - n / %(count)s::float) * interval '1 day'))::bigint AS ms) AS x
"""


async def fill(url: str, count: int) -> int:
    """Add `count` finished jobs to those that the database has, and bring its statistics up to date.

    Return the number of finished jobs then. Raise ValueError if there is none to copy.
    """
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        originals = await _originals(connection)
        if not originals:
            raise ValueError("no finished job to copy: run some first")
        statements = [await _copy_of(connection, table) for table in TABLES]
        for first in range(0, count, AT_A_TIME):
            await _copy(connection, statements, first, min(first + AT_A_TIME, count), count, originals)
        await connection.execute("DROP TABLE benchmark_clones, benchmark_originals")
        for table in TABLES:
            await connection.execute(f"VACUUM (ANALYZE) {table.name}".encode())
        await connection.execute("CHECKPOINT")
        return await _number(connection, "SELECT count(*) FROM jobs WHERE completed_at IS NOT NULL")


async def _originals(connection: psycopg.AsyncConnection) -> int:
    await connection.execute(
        "CREATE TEMP TABLE benchmark_originals AS SELECT id, row_number() OVER () - 1 AS number FROM jobs "
        "WHERE completed_at IS NOT NULL AND idempotency_key IS NULL"
    )
    await connection.execute("CREATE TEMP TABLE benchmark_clones (old uuid, new uuid, before interval)")
    return await _number(connection, "SELECT count(*) FROM benchmark_originals")


async def _number(connection: psycopg.AsyncConnection, query: LiteralString) -> int:
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return int(row[0])


async def _copy(
    connection: psycopg.AsyncConnection,
    statements: Sequence[bytes],
    first: int,
    last: int,
    count: int,
    originals: int,
) -> None:
    numbers = {"first": first, "last": last - 1, "count": count, "originals": originals, "days": DAYS}
    async with connection.transaction():
        await connection.execute("TRUNCATE benchmark_clones")
        await connection.execute(_CLONES, numbers)
        for statement in statements:
            await connection.execute(statement)


async def _copy_of(connection: psycopg.AsyncConnection, table: Copied) -> bytes:
    """The statement that copies a table's rows: other ids, earlier times, everything else as it was."""
    columns = await connection.execute(
        "SELECT attname::text, atttypid = 'timestamptz'::regtype FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        (table.name,),
    )
    names, values = [], []
    for name, is_instant in await columns.fetchall():
        names.append(name)
        other = f"t.{name} - c.before" if is_instant else f"t.{name}"
        values.append(table.own.get(name, other))
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(values)} "
        f"FROM benchmark_clones c JOIN {table.name} t ON {table.key} = c.old AND {table.condition}"
    ).encode()
