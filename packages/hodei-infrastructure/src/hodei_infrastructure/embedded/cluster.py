"""The files of the database: made once in `<data directory>/postgres`, by whoever may own them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from hodei_infrastructure.embedded.account import Account
from hodei_infrastructure.embedded.errors import EmbeddedPostgresError, PostgresDidNotStart
from hodei_infrastructure.embedded.programs import Programs

USER = "hodei"
DATABASE = "hodei"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}  # nothing of ours leaks into it
_LONGEST_S = 120  # for initdb on a slow disk
_ENTRY = "local all all trust\n"  # the socket lies in a directory that only our account may enter
# Root's Postgres runs as `nobody`, and so may other programs: the kernel tells who is at the other end.
_ENTRY_FROM_ROOT = f"local all {USER} peer map=hodei\n"
_MAP_OF_ROOT = f"hodei root {USER}\n"


@frozen
class Cluster:
    """The place of the files; they need not be there yet."""

    data_dir: Path

    @property
    def path(self) -> Path:
        """Where the files are."""
        return self.data_dir / "postgres"

    def major(self) -> int | None:
        """The version that wrote the files, None before there are any. Raise EmbeddedPostgresError."""
        try:
            return int((self.path / "PG_VERSION").read_text())
        except FileNotFoundError:
            if self.path.exists() and any(self.path.iterdir()):
                raise EmbeddedPostgresError(f"{self.path} is there and is no Postgres database") from None
            return None
        except (OSError, ValueError) as error:
            raise EmbeddedPostgresError(f"{self.path} cannot be read: {error}") from error

    def make(self, programs: Programs, account: Account, *, sync: bool) -> None:
        """Write the files under another name and move them into place, so that they are complete or absent.

        Raise PostgresDidNotStart with what initdb said.
        """
        fresh = self.path.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        account.own(fresh)
        with reachable(fresh, account) as (shown, fds):
            run = _Run(account, fds)
            _initdb(run, programs, shown, sync=sync)
            _create_database(run, programs, shown)
        _write_entrance(fresh, account)
        if self.path.exists():
            self.path.rmdir()  # major() saw that it is empty
        fresh.rename(self.path)
        _sync_directory(self.data_dir)


@frozen
class _Run:
    """Runs a program to its end under the account."""

    account: Account
    fds: tuple[int, ...]

    def __call__(self, program: Path, *arguments: str, text: str = "") -> str:
        """What it said on standard error. Raise PostgresDidNotStart if it failed."""
        try:
            done = subprocess.run(
                self.account.command(program, *arguments),
                check=False,
                env=ENVIRONMENT,
                cwd="/",
                pass_fds=self.fds,
                input=text,
                capture_output=True,
                text=True,
                timeout=_LONGEST_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PostgresDidNotStart(f"{program} did not run: {error}") from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()[-2000:]
            raise PostgresDidNotStart(f"{program} failed with status {done.returncode}: {said}")
        return done.stderr


def _initdb(run: _Run, programs: Programs, shown: str, *, sync: bool) -> None:
    who = ("-D", shown, "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
    run(programs["initdb"], *who, *(() if sync else ("--no-sync",)))


def _create_database(run: _Run, programs: Programs, shown: str) -> None:
    # Through the single-user mode (60 ms), so that the files are complete before they get their name.
    arguments = (
        "--single",
        "-D",
        shown,
        "-c",
        "log_min_messages=error",
        "-c",
        "log_checkpoints=off",
        "postgres",
    )
    said = run(programs["postgres"], *arguments, text=f"CREATE DATABASE {DATABASE} TEMPLATE template0\n")
    if "ERROR" in said or "FATAL" in said:  # this mode ends with status 0 all the same
        raise PostgresDidNotStart(f"the database could not be created: {said.strip()[-2000:]}")


@contextmanager
def reachable(path: Path, account: Account) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A name under which the account reaches the directory, and the descriptors that a child must inherit.

    `nobody` may not walk through /root or another private directory above the data directory, and their
    modes are not ours to change. A descriptor of the directory itself needs no walk: /proc/self/fd leads
    straight to it, and to nothing above it. Postgres keeps it open and gives it to each of its processes.
    """
    if not account.is_other:
        yield str(path), ()
        return
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}", (fd,)
    finally:
        os.close(fd)


def _write_entrance(path: Path, account: Account) -> None:
    _write(path / "pg_hba.conf", _ENTRY_FROM_ROOT if account.is_other else _ENTRY, account)
    _write(path / "pg_ident.conf", _MAP_OF_ROOT if account.is_other else "", account)


def _write(path: Path, text: str, account: Account) -> None:
    # A new file under an old name: root never writes through a link that the directory's owner may have set.
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    account.own(path)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
