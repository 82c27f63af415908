"""What can be wrong with the embedded Postgres. Each message says what to do."""

from __future__ import annotations

from hodei_domain.kernel.errors import Kind, Unavailable


class EmbeddedPostgresError(Unavailable):
    """The embedded Postgres cannot be used."""

    kind, code = Kind.UNAVAILABLE, "embedded-postgres.unusable"


class PostgresNotFound(EmbeddedPostgresError):
    """No Postgres programs are installed on this machine."""

    kind, code = Kind.UNAVAILABLE, "embedded-postgres.not-found"


class ClusterInUse(EmbeddedPostgresError):
    """Another server holds the data directory; `pid` is its process, None where it could not be read."""

    kind, code = Kind.UNAVAILABLE, "embedded-postgres.in-use"

    def __init__(self, message: str, pid: int | None) -> None:
        super().__init__(message)
        self.pid = pid


class ClusterVersionMismatch(EmbeddedPostgresError):
    """The files were written by a major version of Postgres that is not installed now."""

    kind, code = Kind.UNAVAILABLE, "embedded-postgres.version-mismatch"


class PostgresDidNotStart(EmbeddedPostgresError):
    """The programs are there, but did not do their work; the message ends with what they said."""

    kind, code = Kind.UNAVAILABLE, "embedded-postgres.did-not-start"
