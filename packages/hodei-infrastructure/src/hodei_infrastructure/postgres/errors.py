"""Where driver errors become ours. No text of a statement and no address leaves this place."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import psycopg_pool
from hodei_domain.kernel.errors import (
    StoreBusy,
    StoreClash,
    StoreReplaced,
    StoreTakesNoWrites,
    StoreUnavailable,
)

logger = logging.getLogger("hodei.postgres")

AWAY = "the database cannot be reached"

Refusal = tuple[type[StoreUnavailable], str]


def _no_writes(why: str) -> Refusal:
    return StoreTakesNoWrites, f"the database takes no writes because {why}"


_AWAY: Refusal = (StoreUnavailable, AWAY)

# By the whole SQLSTATE or its class, the first two characters. All of these may pass by themselves, and the
# transaction is gone as a whole. What is not here is a mistake of ours and is raised as it is.
_TRANSIENT: dict[str, Refusal] = {
    "08": _AWAY,  # connection exceptions
    "40": (StoreClash, "two transactions stood in each other's way"),
    "53": (StoreBusy, "the database lacked the memory or another resource for a statement"),
    "53100": _no_writes("its disk is full"),
    "53300": (StoreUnavailable, "the database has no connection left for us"),
    "55P03": (StoreBusy, "another session of the database kept a table or a row locked for too long"),
    "57014": (StoreBusy, "a statement took too long, or was cancelled by an administrator"),
    "57P01": _AWAY,  # an administrator ends our session
    "57P02": _AWAY,
    "57P03": _AWAY,  # starting up or shutting down
    "57P04": _AWAY,  # it was dropped
    "57P05": _AWAY,
    "25P03": _AWAY,  # our session or transaction took longer than the server allows
    "25P04": _AWAY,
    "58": _no_writes("its disk or file system fails"),
    "25006": _no_writes("it is a standby or was set to be read-only"),
    "28": (StoreUnavailable, "the database refuses our name or password"),
    "3D": (StoreUnavailable, "the database does not exist on this server"),
    "42501": (StoreUnavailable, "the database account lacks a right"),
    "42P01": (StoreReplaced, "the database lacks tables of ours: it was made anew"),
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the driver raises into StoreUnavailable where repeating may help."""
    try:
        yield
    except psycopg_pool.PoolTimeout as error:
        raise StoreUnavailable(AWAY) from error
    except psycopg.Error as error:
        refusal = _refusal(error)
        if refusal is None:
            _leave_data_out(error)
            raise
        kind, reason = refusal
        raise kind(reason + _which_right(error)) from error


def _leave_data_out(error: psycopg.Error) -> None:
    """A mistake of ours is logged with its trace; what Postgres adds may have a whole row in it, secrets and
    all.
    """
    if error.diag.message_primary:
        error.args = (error.diag.message_primary,)


def _which_right(error: psycopg.Error) -> str:
    """What we may not, in the server's words, which name the object and no more."""
    return f": {error.diag.message_primary}" if error.sqlstate == "42501" else ""


def _refusal(error: psycopg.Error) -> Refusal | None:
    state = error.sqlstate
    if state is not None:
        return _TRANSIENT.get(state) or _TRANSIENT.get(state[:2])
    # Without a state the server said nothing: the connection broke, or never came to be.
    return _AWAY if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else None
