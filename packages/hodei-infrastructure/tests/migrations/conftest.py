"""A real Postgres for these tests."""

from hodei_infrastructure.postgres.testing import (  # noqa: F401
    database_url,
    empty_database_url,
    postgres_server,
)
