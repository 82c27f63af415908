"""How long a statement may go unanswered follows from the leases that it has to renew."""

from datetime import timedelta

import pytest
from hodei_infrastructure.postgres.connections import pool_of
from hodei_infrastructure.postgres.session import answers_within
from hodei_infrastructure.postgres.testing import database_url, postgres_server  # noqa: F401  (fixtures)


@pytest.mark.parametrize(("lease", "within"), [(300, 20), (45, 20), (9, 4), (2, 2)])
def test_a_statement_is_given_up_before_leases_end(lease: float, within: float) -> None:
    assert answers_within(timedelta(seconds=lease)) == pytest.approx(within)


@pytest.mark.postgres
async def test_the_database_ends_a_statement_before_its_connection_is_given_up(database_url: str) -> None:  # noqa: F811
    async with pool_of(database_url, 1, timedelta(seconds=20), 4.0) as pool, pool.connection() as connection:
        query = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
        assert await (await connection.execute(query)).fetchone() == ("2s", "3s")
