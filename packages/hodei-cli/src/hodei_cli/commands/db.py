"""`hodei db`: upgrade."""

from __future__ import annotations

from hodei_cli.groups import group


@group()
def db() -> None:
    """Bring the database to this version.

    \b
    Examples:
      hodei db upgrade
    """


@db.command()
def upgrade() -> int:
    """Bring the database of HODEI_DATABASE_URL, or this machine's own one, to this version.

    A server does the same when it starts. Do it by itself to see it done before several servers start.

    \b
    Examples:
      hodei db upgrade
      HODEI_DATABASE_URL=postgres://hodei@db/hodei hodei db upgrade
    """
    from hodei_grpc.main import main

    return main(["--upgrade-db"])
