"""Start and stop the embedded Postgres; its files, its log and its lock lie in the data directory."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from hodei_infrastructure.embedded.account import Account, account_for
from hodei_infrastructure.embedded.cluster import DATABASE, ENVIRONMENT, USER, Cluster, reachable
from hodei_infrastructure.embedded.errors import EmbeddedPostgresError
from hodei_infrastructure.embedded.keeper import Keeper
from hodei_infrastructure.embedded.lock import SOCKET_DIR_PREFIX, ClusterLock
from hodei_infrastructure.embedded.programs import Programs, find_programs, usable_by
from hodei_infrastructure.embedded.tuning import Tuning

# sockaddr_un has room for 107 bytes; the socket's name `/.s.PGSQL.5432` takes 14 and mkdtemp's end 8.
_LONGEST_TEMPORARY_DIR = 107 - 14 - 8 - len(SOCKET_DIR_PREFIX) - 1
_SHORT_TEMPORARY_DIR = Path("/tmp")  # noqa: S108  (only a parent for mkdtemp)
_LARGEST_LOG = 4 * 1024 * 1024  # bytes


class EmbeddedPostgres:
    """One Postgres on one data directory. Its methods block; see `embedded_server` for asyncio."""

    def __init__(
        self, data_dir: Path, tuning: Tuning | None = None, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._cluster = Cluster(self.data_dir)
        self._tuning = tuning or Tuning()
        self._environ = environ
        self._lock = ClusterLock(self.data_dir)
        self._socket_dir: Path | None = None
        self._keeper: Keeper | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the running postgres, None when it does not run."""
        return self._keeper.pid if self._keeper else None

    @property
    def url(self) -> str:
        """How to connect, with the application's database in it. Only while it runs."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """How to connect to another database of the same server."""
        if self._socket_dir is None:
            raise EmbeddedPostgresError("the embedded Postgres does not run")
        return url_at(self._socket_dir, database)

    def start(self) -> str:
        """Start it, making its files first if there are none. Returns the URL.

        Raise an EmbeddedPostgresError: ClusterInUse, PostgresNotFound, ClusterVersionMismatch,
        PostgresDidNotStart.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        account = account_for(self._cluster.path)
        self._socket_dir = _make_socket_dir(account)
        try:
            self._lock.take(self._socket_dir)
            self._start(account, self._socket_dir)
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """Stop it gracefully, rolling open transactions back. Twice is not an error."""
        if self._keeper is not None:
            self._keeper.stop(self._tuning.stop_timeout)
            self._keeper = None
        self._lock.release()
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
            self._socket_dir = None

    def _start(self, account: Account, socket_dir: Path) -> None:
        major = self._cluster.major()
        programs = usable_by(find_programs(self._environ, major), account)
        if major is None:
            self._cluster.make(programs, account, sync=not self._tuning.fast)
        self._keeper = self._keeper_of(programs, account, socket_dir)
        self._keeper.start(self._tuning.start_timeout)

    def _keeper_of(self, programs: Programs, account: Account, socket_dir: Path) -> Keeper:
        log = self.data_dir / "postgres.log"
        options = self._tuning.options(programs.major, socket_dir)

        def spawn() -> subprocess.Popen[bytes]:
            too_long = log.exists() and log.stat().st_size > _LARGEST_LOG
            with (
                reachable(self._cluster.path, account) as (shown, fds),
                log.open("wb" if too_long else "ab") as out,
            ):
                return subprocess.Popen(
                    account.command(programs["postgres"], "-D", shown, *options),
                    env=ENVIRONMENT,
                    cwd="/",
                    pass_fds=(*fds, self._lock.fd),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=out,
                    start_new_session=True,  # Ctrl-C at our terminal is for us alone
                )

        return Keeper(spawn, self._cluster.path / "postmaster.pid", log)


def url_at(socket_dir: Path, database: str = DATABASE) -> str:
    """How to connect through the socket in that directory."""
    # The port is a part of the socket's name; without it libpq would take it from PGPORT.
    return f"postgresql://{USER}@/{quote(database)}?host={quote(str(socket_dir), safe='/')}&port=5432"


@asynccontextmanager
async def embedded_server(
    data_dir: Path, tuning: Tuning | None = None, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[str]:
    """Run the embedded Postgres while the context is open: gives its URL, raises what `start` raises."""
    server = EmbeddedPostgres(data_dir, tuning, environ)
    starting = asyncio.ensure_future(asyncio.to_thread(server.start))
    try:
        yield await asyncio.shield(starting)
    finally:
        with suppress(
            Exception
        ):  # the failure of a start was raised above; a cancelled wait waits for its end
            await asyncio.wait([starting])
        await asyncio.shield(asyncio.to_thread(server.stop))


def _make_socket_dir(account: Account) -> Path:
    """A private directory with a name that is short enough for a socket in it."""
    usual = Path(tempfile.gettempdir())
    fits = len(os.fsencode(usual)) <= _LONGEST_TEMPORARY_DIR and account.can_reach(usual)
    made = Path(tempfile.mkdtemp(prefix=SOCKET_DIR_PREFIX, dir=usual if fits else _SHORT_TEMPORARY_DIR))
    account.own(made)
    return made
