"""The SQL files of the revisions, in order. Their names begin with the revision: `0001_initial.sql`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from attrs import frozen

_FOLDER = Path(__file__).with_name("versions")

# "hodei" in ASCII. Whoever changes the schema holds this advisory lock: several replicas may start at once.
LOCK = 0x68_6F_64_65_69


@frozen
class Revision:
    """One step of the schema."""

    number: str
    file: Path

    @property
    def sql(self) -> str:
        """The statements."""
        return self.file.read_text(encoding="utf-8")


@cache
def revisions() -> tuple[Revision, ...]:
    """All of them, the oldest first."""
    return tuple(Revision(file.name.partition("_")[0], file) for file in sorted(_FOLDER.glob("*.sql")))


def head() -> str:
    """The number of the newest."""
    return revisions()[-1].number


def sql_of(number: str) -> str:
    """The statements of one revision."""
    return next(revision.sql for revision in revisions() if revision.number == number)
