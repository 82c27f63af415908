"""What of the audit trail is new to a reader."""

from hodei_infrastructure.migrations.run import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Have records say in which transaction they were written."""
    run(revision)


def downgrade() -> None:
    """An older server does not see the column."""
