"""The database as a person asks it: where it is, what it is, and psql."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from hodei_domain.kernel.errors import HodeiError, Unavailable

from hodei_infrastructure.embedded.lock import holder_of
from hodei_infrastructure.embedded.programs import find_programs
from hodei_infrastructure.embedded.server import url_at
from hodei_infrastructure.postgres.conninfo import read, shown, url_of
from hodei_infrastructure.settings import Settings


def address(settings: Settings) -> str:
    """The one of the settings, else the embedded one's while its server runs. Raise Unavailable."""
    if settings.database_url is not None:
        return settings.database_url
    holder = holder_of(settings.data_dir)
    if holder is None:
        raise Unavailable(
            f"the database of {settings.data_dir} comes and goes with its server, and none runs; "
            "start one with: hodei up"
        )
    return url_at(Path(holder.socket_dir))


def shown_address(settings: Settings) -> str:
    """The same without a password."""
    return shown(address(settings))


def psql(settings: Settings, arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> NoReturn:
    """Become psql, connected to it. Raise Unavailable."""
    told = read(address(settings))
    program = _program(environ)
    if program is None:
        where = url_of({name: value for name, value in told.items() if name != "password"})
        raise Unavailable(f"there is no psql here; apt install postgresql-client brings it, for {where}")
    environment = dict(environ)
    if password := told.pop("password", ""):
        environment["PGPASSWORD"] = password  # others can read arguments
    os.execve(program, [str(program), url_of(told), *arguments], environment)  # noqa: S606  (in our place)


def _program(environ: Mapping[str, str]) -> Path | None:
    """On PATH, else beside the programs of the embedded Postgres."""
    if found := shutil.which("psql", path=environ.get("PATH")):
        return Path(found)
    try:
        beside = find_programs(environ)["psql"]
    except HodeiError:
        return None
    return beside if os.access(beside, os.X_OK) else None
