"""Where driver errors become ours. No text of a statement and no address leaves this place."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import psycopg_pool
from hodei_domain.kernel.errors import StoreUnavailable

logger = logging.getLogger("hodei.postgres")

AWAY = "the database cannot be reached"
BUSY = "the database was too busy"
FULL = "the database is out of disk, memory or connections"
READ_ONLY = "the database takes no writes at the moment"

# By the whole SQLSTATE or its class, the first two characters. All of these may pass by themselves, and the
# transaction is gone as a whole. What is not here is a mistake of ours and is raised as it is.
_TRANSIENT = {
    "08": AWAY,  # connection exceptions
    "40": BUSY,  # serialization failures, deadlocks
    "53": FULL,
    "55P03": BUSY,  # lock_timeout
    "57014": BUSY,  # statement_timeout
    "57P01": AWAY,  # an administrator ends our session
    "57P02": AWAY,
    "57P03": AWAY,  # starting up or shutting down
    "57P05": AWAY,
    "58": FULL,  # I/O errors
    "25006": READ_ONLY,
    "28": "the database refuses our name or password",
    "3D": "the database does not exist on this server",
    "42501": "the database account lacks a right",
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the driver raises into StoreUnavailable where repeating may help."""
    try:
        yield
    except psycopg_pool.PoolTimeout as error:
        raise StoreUnavailable(AWAY) from error
    except psycopg.Error as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise StoreUnavailable(reason) from error


def _reason(error: psycopg.Error) -> str | None:
    state = error.sqlstate
    if state is not None:
        return _TRANSIENT.get(state) or _TRANSIENT.get(state[:2])
    # Without a state the server said nothing: the connection broke, or never came to be.
    return AWAY if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else None
