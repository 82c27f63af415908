"""Pools of workers."""

from hodei_infrastructure.migrations.run import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give providers their pools."""
    run(revision)


def downgrade() -> None:
    """An older server does not see the column."""
