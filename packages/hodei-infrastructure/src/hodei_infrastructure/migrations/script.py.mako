"""${message}."""

from hodei_infrastructure.migrations.run import run

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """See the SQL file of the same name."""
    run(revision)


# What autogenerate found, to be written as SQL into the file of the same name:
# ${upgrades if upgrades else "nothing"}
