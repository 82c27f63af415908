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
        """Put the command on the stream, after those sent before. Never blocks. Raises LinkClosed."""

    def close(self, reason: str) -> None:
        """End the stream; the worker will come back. Closing twice is no error."""
