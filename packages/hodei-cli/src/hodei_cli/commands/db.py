"""`hodei db`: upgrade, url, psql."""

from __future__ import annotations

import click

from hodei_cli.groups import group


@group()
def db() -> None:
    """Bring the database to this version, and ask it by hand.

    \b
    Examples:
      hodei db upgrade
      hodei db psql -c "SELECT state, count(*) FROM jobs GROUP BY state"
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


@db.command()
def url() -> int:
    """Print how to connect to the database, without its password.

    That is the one of HODEI_DATABASE_URL, or the one that `hodei up` of this machine brings along, while it
    runs. That one asks for no password: its socket is open to this account alone.

    \b
    Examples:
      hodei db url
      psql "$(hodei db url)"
    """
    from hodei_grpc.main import main

    return main(["--db-url"])


@db.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> int:
    """Ask the database by hand: psql, connected to it. Arguments are psql's.

    It is for looking: what is written to its tables past the server can break jobs.

    \b
    Examples:
      hodei db psql
      hodei db psql -c "SELECT id, state FROM jobs ORDER BY created_at DESC LIMIT 5"
    """
    from hodei_grpc.main import main

    return main(["--psql", *arguments])
