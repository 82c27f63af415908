"""Jobs by the end of their id and by their name."""

from hodei_infrastructure.migrations.run import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    run(revision)


def downgrade() -> None:
    """An older server does not use the indexes."""
