"""What the tests of faults need of their surroundings."""

from __future__ import annotations

import os

import pytest
from hodei_infrastructure.embedded.errors import PostgresNotFound
from hodei_infrastructure.embedded.programs import find_programs


@pytest.fixture(scope="session")
def need_postgres() -> None:
    """Skips with the reason where there are no programs of Postgres, or fails where they are required."""
    try:
        find_programs(os.environ, None)
    except PostgresNotFound as error:
        if "postgres" in os.environ.get("HODEI_REQUIRE", "").split(","):
            raise
        pytest.skip(f"no Postgres here: {error}")
