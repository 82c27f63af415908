"""Become another program: give up root, ask to be told when the parent dies, execute.

Run as a script of its own, `python -I -S enter.py PARENT UID GID PROGRAM ARGUMENT…`, and not as a
`preexec_fn`: that would run Python between fork and exec of a process that has gRPC's threads, and make
CPython take a real fork where it otherwise takes vfork. It costs about 12 ms.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
PARENT_DIED = 75  # EX_TEMPFAIL; nobody is left who could read it


def main(arguments: list[str]) -> None:
    """Never returns, except by raising OSError."""
    parent, uid, gid = (int(number) for number in arguments[:3])
    command = arguments[3:]
    if uid:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After setuid, because the kernel forgets this wish when credentials change. SIGQUIT is Postgres'
    # immediate shutdown: it recovers from that by its write-ahead log.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGQUIT), 0, 0, 0)
    if os.getppid() != parent:  # it died before the wish was known, so no signal will come
        os._exit(PARENT_DIED)
    os.umask(0o077)
    os.execv(command[0], command)  # noqa: S606  (no shell is the point)


if __name__ == "__main__":
    main(sys.argv[1:])
