"""How long jobs take and what they use, over time."""

from hodei_infrastructure.migrations.run import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the two tables."""
    run(revision)


def downgrade() -> None:
    """An older server does not see the tables."""
