"""The lists of accounts in an image. A number that they do not name gets a line, as CRI-O and Podman give it:
`whoami`, `git`, `ssh` and Java ask for a name.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import frozen

from hodei_infrastructure.docker.archive import Entry

if TYPE_CHECKING:
    from hodei_infrastructure.docker.engine import Engine

PASSWD, GROUP = "etc/passwd", "etc/group"
NAME = "hodei"
READABLE = 0o644


@frozen
class Accounts:
    """Both lists; None where there is none that is a plain file."""

    passwd: str | None
    group: str | None

    def uid_of(self, user: str) -> int | None:
        """The number of a user by name or number; None if the image does not know him."""
        name = user.partition(":")[0]
        return int(name) if name.isdecimal() else _number(self.passwd, name)

    def lacking(self, user: str) -> list[Entry]:
        """The lists to put in for a user without a name, as far as they lack it; none for users by name."""
        uid, _, gid = user.partition(":")
        if not uid.isdecimal() or (gid and not gid.isdecimal()):
            return []
        gid = gid or "0"  # as the engine takes it for a number without an account
        changed = []
        if not _has(self.passwd, uid):
            line = f"{_free(self.passwd)}:x:{int(uid)}:{int(gid)}::/:/bin/sh"
            changed.append(_with(PASSWD, self.passwd, line))
            if not _has(self.group, gid):
                changed.append(_with(GROUP, self.group, f"{_free(self.group)}:x:{int(gid)}:"))
        return changed


async def read(engine: Engine, container: str) -> Accounts:
    """The lists in a container, started or not."""
    found = await asyncio.gather(*(engine.get_file(container, f"/{path}") for path in (PASSWD, GROUP)))
    return Accounts(*(None if each is None else each.decode("utf-8", "surrogateescape") for each in found))


def _lines(text: str | None) -> list[list[str]]:
    return [line.split(":") for line in (text or "").splitlines() if line.count(":") >= 2]


def _has(text: str | None, number: str) -> bool:
    return any(fields[2].isdecimal() and int(fields[2]) == int(number) for fields in _lines(text))


def _number(text: str | None, name: str) -> int | None:
    numbers = (fields[2] for fields in _lines(text) if fields[0] == name)
    return next((int(number) for number in numbers if number.isdecimal()), None)


def _free(text: str | None) -> str:
    """A name that the list has not yet."""
    taken = {fields[0] for fields in _lines(text)}
    names = (NAME, *(f"{NAME}{n}" for n in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _with(path: str, text: str | None, line: str) -> Entry:
    before = text or ""
    if before and not before.endswith("\n"):
        before += "\n"
    return Entry(name=path, mode=READABLE, content=f"{before}{line}\n".encode("utf-8", "surrogateescape"))
