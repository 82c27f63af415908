"""Region, labels and cost of providers, and what switched them off."""

from hodei_infrastructure.migrations.run import run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    run(revision)


def downgrade() -> None:
    """An older server does not see the column."""
