"""Runs the SQL file of a revision inside an Alembic migration."""

from __future__ import annotations

from alembic import op
from hodei_infrastructure.migrations.files import sql_of


def run(number: str) -> None:
    """Execute the file on Alembic's connection, or print it where Alembic only prints."""
    context = op.get_context()
    if context.as_sql:
        context.impl.static_output(sql_of(number))
        return
    # Through the driver: several statements in one text, and no parameters to look for in it.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(sql_of(number))
