"""The environment a job starts with: a clean base, the job's identity, then what the job itself asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping

from hodei_worker.order import Order

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What describes the machine or the person, not the agent. Everything else the agent was started with (its
# one-time password, its server, whatever the control plane's own shell had) stays out, so a new secret of
# ours cannot leak by being forgotten in a list.
KEPT = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")


def base_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every job on this machine gets, whatever the agent was started with."""
    base = {"PATH": DEFAULT_PATH, "LANG": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108  the system's own default
    base.update({name: environ[name] for name in KEPT if environ.get(name)})
    if "HOME" not in base or "USER" not in base:
        user, home = _account()
        base.setdefault("HOME", home)
        base.setdefault("USER", user)
    base.setdefault("LOGNAME", base["USER"])
    return base


def job_environment(base: Mapping[str, str], order: Order, worker_id: str) -> dict[str, str]:
    """The whole environment of one attempt.

    The job's own variables win over the base, not over its identity.
    """
    return {
        **base,
        **order.environment,
        "HODEI_JOB_ID": order.key.job_id,
        "HODEI_JOB_NAME": order.name,
        "HODEI_ATTEMPT": str(order.key.attempt),
        "HODEI_WORKER_ID": worker_id,
    }


def _account() -> tuple[str, str]:
    """Name and home of our user; an image may have neither /etc/passwd nor a home."""
    import pwd  # only here: most agents are started with both variables set

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return str(os.getuid()), "/"
    return entry.pw_name, entry.pw_dir
