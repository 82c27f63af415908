"""The first schema."""

from hodei_infrastructure.migrations.run import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make everything."""
    run(revision)


def downgrade() -> None:
    """There is nothing before the first schema; use `DROP SCHEMA public CASCADE` if you mean it."""
    raise NotImplementedError("the first revision is not undone: that would delete every job")
