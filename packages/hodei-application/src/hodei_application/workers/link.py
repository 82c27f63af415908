"""The way to a worker that is connected to this replica."""

from __future__ import annotations

from typing import ClassVar, Protocol

from hodei_domain.kernel.errors import HodeiError, Kind
from hodei_domain.kernel.ids import WorkerId

from hodei_application.workers.commands import Command


class LinkClosed(HodeiError):
    """The worker's stream is gone."""

    kind: ClassVar[Kind] = Kind.UNAVAILABLE
    code: ClassVar[str] = "worker.link-closed"


class Undeliverable(HodeiError):
    """The order cannot be put on this worker's stream; the stream itself is well.

    `again`: another worker may be able to take it.
    """

    kind: ClassVar[Kind] = Kind.EXHAUSTED
    code: ClassVar[str] = "worker.undeliverable"

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


class WorkerLink(Protocol):
    """One stream of one worker, authenticated as `worker_id`.

    A worker that connects again has another link; a link never comes back after it was closed.
    """

    @property
    def worker_id(self) -> WorkerId: ...

    @property
    def is_legacy(self) -> bool:
        """Whether it speaks the old protocol: no hello, no log offsets, does not kill on cancel."""

    def send(self, command: Command) -> None:
        """Put the command on the stream, after those sent before. Never blocks. Raises LinkClosed,
        and Undeliverable for an order that this stream cannot carry.
        """

    def close(self, reason: str) -> None:
        """End the stream; the worker will come back. Closing twice is no error."""
