"""Alembic's entry: `alembic -c alembic/alembic.ini …` at the top of the repository.

The server does not come by here: `upgrade.py` runs the same files without importing SQLAlchemy.
"""

from __future__ import annotations

import os

import sqlalchemy as sa

from alembic import context
from hodei_infrastructure.migrations.files import LOCK
from hodei_infrastructure.postgres.tables import is_comparable, metadata


def _url() -> sa.URL:
    given = (
        context.config.get_main_option("sqlalchemy.url")
        or os.environ.get("HODEI_DATABASE_URL")
        or os.environ.get("DATABASE_URL")
    )
    if not given:
        raise SystemExit("HODEI_DATABASE_URL: set it to the URL of the database")
    return sa.make_url(given).set(drivername="postgresql+psycopg")


def _run_offline() -> None:
    context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def _run_online() -> None:
    engine = sa.create_engine(_url(), poolclass=sa.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            include_object=is_comparable,
        )
        with context.begin_transaction():
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            context.run_migrations()
    engine.dispose()


if context.is_offline_mode():
    _run_offline()
else:
    _run_online()
