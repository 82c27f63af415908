"""Labels and tags of jobs, to find them by."""

from hodei_infrastructure.migrations.run import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark the jobs."""
    run(revision)


def downgrade() -> None:
    """An older server does not see the table."""
