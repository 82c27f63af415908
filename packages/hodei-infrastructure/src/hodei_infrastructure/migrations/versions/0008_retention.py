"""What is kept of jobs that are over, and how it is found when it has been kept for long enough."""

from hodei_infrastructure.migrations.run import run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark output that was removed, and find ended jobs and workers by their ends."""
    run(revision)


def downgrade() -> None:
    """An older server does not see the columns and tables."""
