"""Errors have a kind, which each edge maps once, and a stable code, which clients may match."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """What went wrong, seen from the caller. Each edge has one table over these."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    DENIED = "denied"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    EXHAUSTED = "exhausted"
    UNAVAILABLE = "unavailable"


class HodeiError(Exception):
    """A refusal that the caller may see. Anything else that is raised is a bug."""

    kind: ClassVar[Kind]
    code: ClassVar[str]

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message if field is None else f"{field}: {message}")
        self.text = message
        """The text for people, without the field's name."""
        self.field = field

    @property
    def message(self) -> str:
        """The text for people, with the field's name in front if there is one."""
        return str(self.args[0])


class InvalidInput(HodeiError):
    """A value that cannot be taken as it is; `field` names it."""

    kind, code = Kind.INVALID, "invalid"

    def renamed(self, name: Callable[[str], str]) -> "InvalidInput":
        """The same refusal, its field called by what `name` makes of it; itself if it is about none."""
        return self if self.field is None else InvalidInput(self.text, field=name(self.field))


@contextmanager
def renaming(name: Callable[[str], str]) -> Iterator[None]:
    """Refusals within are told with the field as the caller knows it: by what `name` makes of it."""
    try:
        yield
    except InvalidInput as refusal:
        raise refusal.renamed(name) from None


class Unauthenticated(HodeiError):
    """Nobody knows who is calling."""

    kind, code = Kind.UNAUTHENTICATED, "unauthenticated"


class Denied(HodeiError):
    """The caller is known and may not do this."""

    kind, code = Kind.DENIED, "denied"


class NotFound(HodeiError):
    """There is no such thing."""

    kind, code = Kind.NOT_FOUND, "not-found"


class Conflict(HodeiError):
    """The present state does not allow this."""

    kind, code = Kind.CONFLICT, "conflict"


class AlreadyExists(Conflict):
    """The name is taken by something else."""

    kind, code = Kind.CONFLICT, "already-exists"


class ChangedMeanwhile(Conflict):
    """It was saved by another since it was read: read again and repeat."""

    kind, code = Kind.CONFLICT, "changed-meanwhile"


class Exhausted(HodeiError):
    """A limit is reached."""

    kind, code = Kind.EXHAUSTED, "exhausted"


class Unavailable(HodeiError):
    """Not now; the same call may succeed later."""

    kind, code = Kind.UNAVAILABLE, "unavailable"


class PortInUse(Unavailable):
    """Another program listens there."""

    kind, code = Kind.UNAVAILABLE, "server.port-in-use"


class StoreUnavailable(Unavailable):
    """The store cannot be reached or broke off; nothing is known to be written."""

    kind, code = Kind.UNAVAILABLE, "store.unavailable"


class StoreBusy(StoreUnavailable):
    """The store answers, and one transaction did not get what it needs in time, a lock mostly. It is undone;
    nothing follows from it for others.
    """

    kind, code = Kind.UNAVAILABLE, "store.busy"


class StoreClash(StoreBusy):
    """Two transactions stood in each other's way and this one is undone: repeat it at once."""

    kind, code = Kind.UNAVAILABLE, "store.clash"


class StoreReplaced(StoreUnavailable):
    """The store is not the one that it was: what this process knows of it is void."""

    kind, code = Kind.UNAVAILABLE, "store.replaced"


class StoreTakesNoWrites(StoreUnavailable):
    """The store can be read and takes no writes."""

    kind, code = Kind.UNAVAILABLE, "store.no-writes"
