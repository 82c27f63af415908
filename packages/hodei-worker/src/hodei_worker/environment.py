"""The environment a job starts with: a clean base, the job's identity, then what the job itself asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from hodei_worker.order import Order

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What describes the machine or the person, not the agent. Everything else the agent was started with (its
# one-time password, its server, whatever the control plane's own shell had) stays out, so a new secret of
# ours cannot leak by being forgotten in a list.
KEPT = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")

OURS = ("HODEI_", "GRPC_")  # in an image everything else is the image's and its owner's
PLACES = ("HOME", "TMPDIR")


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


def image_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every job in this container gets: what the image and its owner gave, and nothing of ours.

    HOME is empty where the image has none that can be written to, and TMPDIR where it has no such /tmp: each
    attempt has its private directory in their place.
    """
    base = {name: value for name, value in environ.items() if not name.startswith(OURS)}
    base.setdefault("PATH", DEFAULT_PATH)
    if not _writable(base.get("HOME", "")):
        base["HOME"] = ""
    if not _writable(base.get("TMPDIR", "/tmp")):  # noqa: S108  the system's own default
        base["TMPDIR"] = ""
    base.setdefault("USER", _account()[0])
    base.setdefault("LOGNAME", base["USER"])
    return base


def image_directory() -> str:
    """The directory that the image or its owner set; empty for none, which is "/" in a container."""
    try:
        here = os.getcwd()
    except OSError:
        return ""
    return "" if here == "/" else here


def job_environment(
    base: Mapping[str, str], order: Order, worker_id: str, private: Callable[[], str]
) -> dict[str, str]:
    """The whole environment of one attempt.

    The job's own variables win over the base, not over its identity. `private` makes the attempt's private
    directory, which stands in for a HOME or TMPDIR that the base has not.
    """
    stand_ins = {name: private() for name in PLACES if base.get(name) == "" and name not in order.environment}
    return {
        **base,
        **stand_ins,
        **order.environment,
        "HODEI_JOB_ID": order.key.job_id,
        "HODEI_JOB_NAME": order.name,
        "HODEI_ATTEMPT": str(order.key.attempt),
        "HODEI_WORKER_ID": worker_id,
    }


def _writable(directory: str) -> bool:
    return os.path.isdir(directory) and os.access(directory, os.W_OK | os.X_OK)


def _account() -> tuple[str, str]:
    """Name and home of our user; an image may have neither /etc/passwd nor a home."""
    import pwd  # only here: most agents are started with both variables set

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return str(os.getuid()), "/"
    return entry.pw_name, entry.pw_dir
