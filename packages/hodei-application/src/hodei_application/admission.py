"""Who may call, how often, and how many streams at once: the rule of every entrance."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from attrs import define, field
from hodei_domain.kernel.errors import Exhausted, HodeiError, Kind, Unauthenticated, Unavailable

BURST = 2.0  # seconds' worth of calls that a quiet peer may make at once
PEERS = 10_000  # how many peers are remembered


class RateExceeded(Exhausted):
    """This peer calls more often than the server allows."""

    kind: ClassVar[Kind] = Kind.EXHAUSTED
    code: ClassVar[str] = "rate-exceeded"


class ServerLeaving(Unavailable):
    """This server is about to stop and takes no new jobs; another one will."""

    kind: ClassVar[Kind] = Kind.UNAVAILABLE
    code: ClassVar[str] = "server.leaving"


class TooManyStreams(Exhausted):
    """The server holds as many streams as it is set to."""

    kind: ClassVar[Kind] = Kind.EXHAUSTED
    code: ClassVar[str] = "too-many-streams"


@define
class RateLimit:
    """A bucket of calls per peer, refilled steadily."""

    per_second: float
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[str, tuple[float, float]] = field(
        factory=dict, init=False
    )  # calls left, and when that was

    def take(self, peer: str) -> bool:
        """Whether the peer may call once more now."""
        now = self.clock()
        most = self.per_second * BURST
        left, since = self._buckets.pop(peer, (most, now))
        left = min(most, left + (now - since) * self.per_second)
        allowed = left >= 1
        # The newest is put last, so that the first is the one that was quiet for the longest.
        self._buckets[peer] = (left - 1 if allowed else left, now)
        if len(self._buckets) > PEERS:
            del self._buckets[next(iter(self._buckets))]
        return allowed


@define
class Admission:
    """Admits calls. `token` is what callers must bear; None admits anybody (development mode on loopback).

    While it is `leaving`, no new jobs are admitted.
    """

    token: str | None
    rate: RateLimit
    max_streams: int
    leaving: bool = field(default=False, init=False)
    _bringing: set[asyncio.Task[Any]] = field(factory=set, init=False)
    _streams: int = field(default=0, init=False)

    def refuses_peer(self, peer: str, *, brings_job: bool = False) -> HodeiError | None:
        """Why a call of this peer must not happen, whoever it is; or None."""
        if not self.rate.take(peer):
            return RateExceeded(
                f"more than {self.rate.per_second:g} calls a second; HODEI_RATE_LIMIT sets it"
            )
        if self.leaving and brings_job:
            return ServerLeaving("this server is about to leave; look for another one, or start it")
        return None

    def refuses_bearer(self, header: str) -> Unauthenticated | None:
        """Why the bearer of this `Authorization` header must not call, or None."""
        if self.token is None:
            return None
        scheme, _, token = header.partition(" ")
        if not header:
            return Unauthenticated(
                "this server wants `authorization: Bearer <token>`; "
                "the token is in the file `token` of its data directory"
            )
        if scheme.lower() != "bearer" or not self.is_token(token.strip()):
            return Unauthenticated("the token is not this server's")
        return None

    def is_token(self, token: str) -> bool:
        """Whether this is what callers must bear; in a time that tells nothing of it."""
        return hmac.compare_digest(token.encode(), (self.token or "").encode())

    async def leave(self) -> None:
        """Admit no new jobs from now on; return when those that were being brought are in the queue."""
        self.leaving = True
        if self._bringing:
            await asyncio.wait(self._bringing)

    @contextmanager
    def bringing(self) -> Iterator[None]:
        """Around a call that brings a job and was not refused."""
        task = asyncio.current_task()
        if task is None:
            yield
            return
        self._bringing.add(task)
        try:
            yield
        finally:
            self._bringing.discard(task)

    def open_stream(self) -> TooManyStreams | None:
        """Count a stream in; each one that is not refused must be counted out with close_stream()."""
        if self._streams >= self.max_streams:
            return TooManyStreams(f"{self.max_streams} streams are open; HODEI_MAX_STREAMS sets the limit")
        self._streams += 1
        return None

    def close_stream(self) -> None:
        """Count a stream out."""
        self._streams -= 1
