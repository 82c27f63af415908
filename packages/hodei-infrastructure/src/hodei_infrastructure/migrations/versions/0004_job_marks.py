"""Labels and tags of jobs, to find them by."""

from hodei_infrastructure.migrations.run import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark the jobs."""
    run(revision)


def downgrade() -> None:
    """An older server does not see the table."""
