"""Under whose account Postgres runs. It refuses to run as root, for good reasons."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

from attrs import frozen

NOBODY = 65534  # on systems whose account list does not name it
_ENTER = Path(__file__).with_name("enter.py")


@frozen
class Account:
    """A user id and a group id; (0, 0) means our own, whatever that is."""

    uid: int = 0
    gid: int = 0

    @property
    def is_other(self) -> bool:
        """Whether files have to be given to it, and paths be open to it."""
        return self.uid != 0

    def command(self, *command: str | Path) -> list[str]:
        """The command line that runs `command` under this account and ends it when our process ends."""
        enter = (sys.executable, "-I", "-S", _ENTER, os.getpid(), self.uid, self.gid)
        return [str(word) for word in (*enter, *command)]

    def own(self, path: Path) -> None:
        """Give a file or directory that we just made to the account."""
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_execute(self, program: Path) -> bool:
        """Whether the account may run the program: each directory above it open, the file executable.

        Access control lists are not looked at; where they take rights away, starting fails with the path.
        """
        if not self.is_other:
            return os.access(program, os.X_OK)
        return self.can_reach(program)

    def can_reach(self, path: Path) -> bool:
        """Whether the path and each directory above it are open to the account."""
        resolved = path.resolve()
        return not self.is_other or all(self._may_pass(each) for each in (resolved, *resolved.parents))

    def _may_pass(self, path: Path) -> bool:
        status = path.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & 0o100)
        return bool(status.st_mode & (0o010 if status.st_gid == self.gid else 0o001))


def account_for(cluster: Path) -> Account:
    """Our own account unless we are root; then the owner of the cluster, or `nobody` for a new one."""
    if os.geteuid() != 0:
        return Account()
    if cluster.exists() and (status := cluster.stat()).st_uid != 0:
        return Account(status.st_uid, status.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(NOBODY, NOBODY)
    return Account(nobody.pw_uid, nobody.pw_gid)
