"""Each owner has idempotency keys of its own."""

from hodei_infrastructure.migrations.run import run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let two owners use the same key."""
    run(revision)


def downgrade() -> None:
    """An older server finds a job by its key, whoever's it is."""
